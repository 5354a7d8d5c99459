"""Lines as students write them, and what they say in the plain notation: written by hand, before the reader was asked.

A derivative stands as dL/dx, of entries as dL/d(w[i, j]); limits stand as guards in the body of a sum.
"""

# ruff: noqa: E501 (formulas stand whole)

from __future__ import annotations

from derive.reading.latex.vocabulary import Vocabulary

MLP = Vocabulary(
    names={"w": 2, "W": 2, "z": 1, "a": 1, "b": 1, "n": 0, "L": 0, "x": 1, "y": 1, "y_hat": 1, "m": 0, "delta": 1,
           "theta": 1, "alpha": 0},
    functions=frozenset(("f", "e")),
    families=frozenset(("w", "W", "z", "a", "b", "n", "delta", "theta")),
    indices=frozenset("l"),
)  # fmt: skip
CONVOLUTION = Vocabulary(
    names={"Z": 2, "V": 2, "K": 2, "L_cal": 0, "H": 0, "P": 0, "Q": 0, "G": 2},
    conventions={"asterisk": "convolution", "delta": "Kronecker"},
)
SCALARS = Vocabulary(
    names={**dict.fromkeys(("x", "x_1", "x_2", "y", "v_m1", "v_0", "v_1", "v_2", "v_3", "v_4", "v_5", "v_6", "tau",
                            "theta", "lambda", "tau^2", "dP", "Delta v", "q_x", "dx", "P^{q+1}", "x'"), 0)},
    conventions={"overline": "adjoint"},
)  # fmt: skip
MATRICES = Vocabulary(
    names={"X": 2, "W": 2, "Y": 2, "A": 2, "B": 1, "H": 2, "S": 2, "Q": 2, "K": 2, "V": 2, "X_hat": 2, "u": 1, "v": 1,
           "x": 1, "y": 1, "z": 1, "p": 1, "b": 1, "mu": 1, "sigma": 1, "beta": 0, "epsilon": 0, "n": 0, "s": 0,
           "c": 0, "C": 0, "d_k": 0, "K_xy": 2, "P^{q+1}": 2, "P^q": 2},
)  # fmt: skip

MLP_LINES = {
    # the sheet's equations (4) to (7)
    r"\frac{\partial L}{\partial w_{i,j}^{[l]}} = \delta_i^{[l]} \times a_j^{[l-1]} \quad \forall l \in [1..L]":
        "dL/d(w[l, i, j]) = delta[l, i]*a[l - 1, j]",
    r"\delta_i^{[L]} = \frac{\partial L}{\partial \hat{y}_i} \times \frac{\partial \hat{y}_i}{\partial z_i^{[L]}}"
    r" = e_i'(\hat{y}_i) \times f_i'^{[L]}(z_i^{[L]})":
        "delta[L, i] = (dL/d(y_hat[i]))*(d(y_hat[i])/d(z[L, i])) = e'[i](y_hat[i])*f'[L, i](z[L, i])",
    r"\delta_{i}^{[l]} = \left(\sum_{k=1}^{n^{[l+1]}} \delta_{k}^{[l+1]} w_{k,i}^{[l+1]}\right)"
    r" \times f_{i}^{\prime[l]}(z_{i}^{[l]}) \tag{6}":
        "delta[l, i] = (sum(k) [1 <= k < n[l + 1] + 1]*delta[l + 1, k] w[l + 1, k, i])*f'[l, i](z[l, i])",
    r"\frac{\partial L}{\partial b_j^{[l]}} = \delta_j^{[l]} \times 1": "dL/d(b[l, j]) = delta[l, j]*1",
    # index sums, indices before layers
    r"\delta^{[l]}_i = \sum_k w^{[l+1]}_{ki}\,\delta^{[l+1]}_k f'(z^{[l]}_i)":
        "delta[l, i] = sum(k) w[l + 1, k, i] delta[l + 1, k] f'(z[l, i])",
    r"\frac{\partial z_k^{[l]}}{\partial w_{ij}^{[l]}} = \delta_{ki} a_j^{[l-1]} = \mathbf 1[k=i]\, a_j^{[l-1]}":
        "d(z[l, k])/d(w[l, i, j]) = delta[k, i] a[l - 1, j] = [k = i] a[l - 1, j]",
    # matrix form, bold and plain
    r"\boldsymbol{\delta}^{[l]} = \left(\mathbf{W}^{[l+1]\top} \boldsymbol\delta^{[l+1]}\right) \odot f'(\mathbf z^{[l]})":
        "delta[l] = (W[l + 1]^T delta[l + 1]) .* f'(z[l])",
    r"\delta^{(l)} = \bigl( (W^{(l+1)})^{\mathsf T} \delta^{(l+1)} \bigr) \circ f'^{(l)}(z^{(l)})":
        "delta[l] = (W[l + 1]^T delta[l + 1]) .* f'[l](z[l])",
    r"\nabla_{W^{[l]}} L = \delta^{[l]} (a^{[l-1]})^\top": "dL/d(W[l]) = delta[l] a[l - 1]^T",
    r"\frac{\partial L}{\partial W^{[l]}} = \delta^{[l]} a^{[l-1]\,T}": "dL/d(W[l]) = delta[l] a[l - 1]^T",
    # chains of partials
    r"\partial L/\partial w_{ij}^{[l]} = \sum_k \partial L/\partial z_k^{[l]} \; \partial z_k^{[l]}/\partial w_{ij}^{[l]}":
        "dL/d(w[l, i, j]) = sum(k) (dL/d(z[l, k])) (d(z[l, k])/d(w[l, i, j]))",
    r"\frac{dL}{dz_i^{[l]}} = \sum_{k} \frac{dL}{dz_k^{[l+1]}}\frac{dz_k^{[l+1]}}{da_i^{[l]}}\frac{da_i^{[l]}}{dz_i^{[l]}}":
        "dL/d(z[l, i]) = sum(k) (dL/d(z[l + 1, k])) (d(z[l + 1, k])/d(a[l, i])) (d(a[l, i])/d(z[l, i]))",
    # names of gradients
    r"dW^{[l]} = \frac1m dz^{[l]} a^{[l-1]T}": "dW[l] = (1/m) dz[l] a[l - 1]^T",
    r"\theta_{t} \leftarrow \theta_{t-1} - \alpha \nabla L(\theta)": "theta[t] <- theta[t - 1] - alpha gradient(L(theta))",
    r"L(\theta) = \|\mathbf{y} - \hat{\mathbf{y}}\|_2^2 = \sum_{i=1}^n (y_i - \hat{y}_i)^2":
        "L(theta) = norm(y - y_hat, 2)^2 = sum(i) [1 <= i < n + 1]*(y[i] - y_hat[i])^2",
    # activations
    r"\sigma'(z) = \sigma(z)\left(1-\sigma(z)\right)": "sigmoid'(z) = sigmoid(z) (1 - sigmoid(z))",
    r"f'(z)=1-\tanh^2(z) = \operatorname{sech}^2 z": "f'(z) = 1 - tanh(z)^2 = (1/cosh(z))^2",
    r"f'(z) = \begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}": "f'(z) = cases(1, [z > 0], 0)",
    r"f'(z)=\begin{cases}1,&z>0\\0,&z\le0\end{cases}": "f'(z) = cases(1, [z > 0], 0, [z <= 0])",
    r"f'(z) = \left\{\begin{array}{ll} 1 & z > 0\\ 0 & \text{else}\end{array}\right.": "f'(z) = cases(1, [z > 0], 0)",
    r"f'(z) = \mathbb{1}_{z>0} = \mathbb 1_{\{z > 0\}} = \mathbf{1}\{z>0\} = [z>0] = 1_{z > 0} = \mathbb 1[z > 0]":
        "f'(z) = [z > 0] = [z > 0] = [z > 0] = [z > 0] = [z > 0] = [z > 0]",
}  # fmt: skip

CONVOLUTION_LINES = {
    # index sums
    r"Z_{ij} = \sum_{k,l} V_{i+k,j+l} K_{k,l}": "Z[i, j] = sum(k, l) V[i + k, j + l] K[k, l]",
    r"\frac{\partial \mathcal{L}}{\partial K_{mn}} = \sum_{ij} \frac{\partial \mathcal{L}}{\partial Z_{ij}} V_{i+m,j+n}":
        "dL_cal/d(K[m, n]) = sum(i, j) (dL_cal/d(Z[i, j])) V[i + m, j + n]",
    r"\bar V_{mn} = \sum_{k} [0 \le m-k < H]\, \bar Z_{m-k,n} K_{k,n}":
        "overline(V[m, n]) = sum(k) [0 <= m - k < H] overline(Z[m - k, n]) K[k, n]",
    # partial derivatives and Kronecker deltas
    r"\frac{\partial Z_{ij}}{\partial V_{mn}} = \sum_{k,l} \delta_{i+k,m}\delta_{j+l,n} K_{k,l} = K_{m-i,n-j}":
        "d(Z[i, j])/d(V[m, n]) = sum(k, l) delta[i + k, m] delta[j + l, n] K[k, l] = K[m - i, n - j]",
    # operators
    r"\frac{\partial L}{\partial V} = \frac{\partial L}{\partial Z} *_{\text{full}} K": "dL/dV = asterisk_full(dL/dZ, K)",
    r"\frac{\partial L}{\partial K} = V \star G = V \ast_{valid} \mathrm{rot180}(G)":
        "dL/dK = star(V, G) = asterisk_valid(V, rot180(G))",
    r"\frac{\partial L}{\partial V} = \mathrm{pad}_{P-1}(G) \star \mathrm{rot}_{180}(K)":
        "dL/dV = star(pad(G, P - 1), rot180(K))",
    # bounds
    r"\sum_{0 \le k < P} K_{k,l} = \sum_{k=0}^{P-1} K_{kl}":
        "sum(k) [0 <= k < P]*K[k, l] = sum(k) [0 <= k < P]*K[k, l]",
    r"G_{lm} = \sum_{\substack{k \\ k \ne l}} K_{kl}": "G[l, m] = sum(k) [k != l]*K[k, l]",
    r"G_j = \sum_{i:\, i\ne j} Z_{ij} = \sum_{i \neq j} Z_{ij} = \sum_{i < j} Z_{ij}":
        "G[j] = sum(i) [i != j]*Z[i, j] = sum(i) [i != j]*Z[i, j] = sum(i) [i < j]*Z[i, j]",
    r"Z[i,j] = \sum_{k} \sum_l V[i+k, j+l] K[k,l]": "Z[i, j] = sum(k) sum(l) V[i + k, j + l] K[k, l]",
}  # fmt: skip

SCALAR_LINES = {
    r"\bar{v}_0 = \bar{v}_3 v_3 - \bar{v}_1 \frac{v_0}{v_{-1}^2} = -13.7239":
        "overline(v_0) = overline(v_3) v_3 - overline(v_1) (v_0/v_m1^2) = -13.7239",
    r"v_6 = v_5 * v_4 = 1.4924 \cdot 1.3513 = 2.0167": "v_6 = asterisk(v_5, v_4) = 1.4924*1.3513 = 2.0167",
    r"\bar{v}_1 = \bar{v}_2 \cos(v_1) + \bar{v}_4 \approx 1.5059":
        "overline(v_1) = overline(v_2) cos(v_1) + overline(v_4) ~= 1.5059",
    r"\dot v_1 = \frac{\dot v_{-1}}{v_0}": "v_1_dot = v_m1_dot/v_0",
    r"y = \left( \sin \frac{x_1}{x_2} - \exp(x_2) \right) \cdot \left( \frac{x_1}{x_2} - \exp(x_2) \right)":
        "y = (sin(x_1/x_2) - exp(x_2))*(x_1/x_2 - exp(x_2))",
    r"\frac{dy}{d\tau^2} = \frac{\partial y}{\partial(\tau^2)} = \tau^2": "dy/dtau^2 = dy/dtau^2 = tau^2",
    r"\frac{d^2 y}{d\theta^2} = \frac{\partial^2 y}{\partial \theta\,\partial \theta}":
        "d(dy/dtheta)/dtheta = d(dy/dtheta)/dtheta",
    r"\frac{dP}{d\theta} = \frac{dP}{dx} \theta \Delta v + q_x": "dP/dtheta = (dP/dx) theta Delta v + q_x",
    r"y = e^{-x} + \mathrm{e}^{x} + 2^{-x} + x^{y^2}": "y = e^-x + e^x + 2^-x + x^y^2",
    r"y = -x^2 - -x": "y = -x^2 - (-x)",
    r"y = a/b/c + {a}/{b}": "y = a/b/c + a/b",
    r"y \approx 6.02 \cdot 10^{23} \approx 6\times10^{-3} = 3.14e-2": "y ~= 6.02e23 ~= 6e-3 = 3.14e-2",
    r"y = 1{,}000 + 12{,}345{,}678.5": "y = 1000 + 12345678.5",
    r"y = |x| + \lvert x - |y|\rvert + \left|\frac{x}{y}\right|": "y = abs(x) + abs(x - abs(y)) + abs(x/y)",
    r"y = \sqrt{x} + \sqrt[3]{x} + \sqrt2": "y = sqrt(x) + x^(1/3) + sqrt(2)",
    r"y = \frac12x + \frac{1}2 \theta + \tfrac34": "y = (1/2) x + (1/2) theta + 3/4",
    r"y = \sin^2 x + \cos 2x + \ln\theta\, \ln y + \log_2 x": "y = sin(x)^2 + cos(2 x) + log(theta) log(y) + log(x)/log(2)",
    r"y = \min\{x, 1\} + \max(x, y, 2)": "y = min(x, 1) + max(x, max(y, 2))",
    r"\bar x \mathrel{+}= \bar y \cdot y": "overline(x) += overline(y)*y",
    r"x \overset{(1)}{=} y \stackrel{!}{=} 2": "x = y = 2",
    r"y = \underbrace{x + 1}_{\text{inner}} \cdot 2": "y = (x + 1)*2",
    r"\frac{d}{d\theta}\left[ \theta^2 + 1\right] \theta = \frac{d}{d\theta} \theta^2 y": "(d(theta^2 + 1)/dtheta) theta = d(theta^2 y)/dtheta",
    r"P^{q+1} = 2 x' + x'^2": "P^{q+1} = 2 x' + x'^2",
    r"\lambda\theta(1 - \theta) = x(1-x)": "lambda theta (1 - theta) = x (1 - x)",
}  # fmt: skip

MATRIX_LINES = {
    r"\mathbf{Y} = X A + \mathbf 1 b^\top": "Y = X A + ones b^T",
    r"\langle u, v\rangle = u^\top v = u \cdot v = \sum_i u_i v_i": "inner(u, v) = u^T v = u*v = sum(i) u[i] v[i]",
    r"\|A\|_F^2 = \operatorname{tr}(A^T A) = \lVert A \rVert^2": "norm(A)^2 = tr(A^T A) = norm(A)^2",
    r"p_i = \mathrm{softmax}(z)_i = \frac{e^{z_i}}{\sum_j e^{z_j}}": "p[i] = entry(softmax(z), i) = e^z[i]/sum(j) e^z[j]",
    r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)": "d(p[i])/d(z[j]) = p[i] (delta[i, j] - p[j])",
    r"\frac{\partial p}{\partial z} = \operatorname{diag}(p) - p p^\top": "dp/dz = diag(p) - p p^T",
    r"C = -\sum_i y_i \log p_i = -\log p_c": "C = -sum(i) y[i] log(p[i]) = -log(p[c])",
    r"\hat X_{ij} = \frac{X_{ij} - \mu_j}{\sqrt{\sigma_j^2 + \epsilon}}": "X_hat[i, j] = (X[i, j] - mu[j])/sqrt(sigma[j]^2 + epsilon)",
    r"\sigma_j^2 = \frac{1}{n}\sum_{i=1}^{n} (X_{ij} - \mu_j)^2": "sigma[j]^2 = (1/n) sum(i) [1 <= i < n + 1]*(X[i, j] - mu[j])^2",
    r"S = \mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V": "S = softmax((Q K^T)/sqrt(d_k)) V",
    r"\mathrm{vec}(AXW) = (W^\top \otimes A)\,\mathrm{vec}(X)": "vec(A X W) = otimes(W^T, A) vec(X)",
    r"P^{q+1} = A P^q, \quad A^{-\top} = (A^T)^{-1}": "P^{q+1} = A P^q | (A^-1)^T = A^T^-1",
    r"A = \begin{bmatrix} p & 1 \\ n & s \end{bmatrix}": "A = matrix((p, 1), (n, s))",
    r"\mathrm{mean}_i(u_i) v = \frac{1}{n}\sum_i u_i v": "(mean(i) u[i]) v = (1/n) sum(i) u[i] v",
    r"\overline{u v} = \bar u \bar v": "overline(u v) = overline(u) overline(v)",
    r"(Wx)_i = [Wx]_{i} = \sum_j W_{ij}x_j": "entry(W x, i) = entry(W x, i) = sum(j) W[i, j] x[j]",
    r"W_{12} = W_{1,2} = p_{y_i}": "W[1, 2] = W[1, 2] = p[y[i]]",
    r"\max_i x_i = \max_{1\le i\le n} x_i = \operatorname*{max}_i x_i":
        "max(i) x[i] = max(i) [1 <= i < n + 1]*x[i] = max(i) x[i]",
    r"c = \arg\max_i x_i = \operatorname*{argmax}_i x_i": "c = argmax(i) x[i] = argmax(i) x[i]",
    r"H = A^{\circ 2} \odot A \oslash A": "H = A.^2 .* A ./ A",
    r"\mathrm{ReLU}(x) = \max(0, x) = \text{ReLU}(x)": "relu(x) = max(0, x) = relu(x)",
    r"\sum_{i,j=1}^{n} A_{ij} = \sum_{i=1}^{n}\sum_{j=1}^n A_{ij}":
        "sum(i, j) [1 <= i < n + 1]*[1 <= j < n + 1]*A[i, j]"
        " = sum(i) [1 <= i < n + 1]*sum(j) [1 <= j < n + 1]*A[i, j]",
    r"\frac{\partial x^T A x}{\partial x} = (A + A^\top) x": "d(x^T A x)/dx = (A + A^T) x",
    r"\frac{\partial}{\partial X}\left(\|X\|_F^2\right) = 2X": "d(norm(X)^2)/dX = 2 X",
    r"W_{\cdot j} = W_{:,j} = W_{: j}, \; W_{i \bullet} = W_{i,:} = W_{i*}":
        "W[:, j] = W[:, j] = W[:, j] | W[i, :] = W[i, :] = W[i, :]",
    r"\nabla \|x\|^2 = 2x": "gradient(norm(x)^2) = 2 x",
    r"\mathrm{d}C = \operatorname{tr}(H^\top \mathrm{d}Y) = {\rm tr}(H^{\rm T} dY)": "dC = tr(H^T dY) = tr(H^T dY)",
    r"\frac{\mathrm{d}C}{\mathrm{d}x} = \mathrm dC/\mathrm dx": "dC/dx = dC/dx",
    r"\forall i: u_i = v_i": "u[i] = v[i]",
    r"\exp\{x_i\} = e^{x_i}, \; e^{x_i}/\sum_j e^{x_j} = p_i": "exp(x[i]) = e^x[i] | e^x[i]/sum(j) e^x[j] = p[i]",
    r"[A^{-1}]_{ij} = (A^T)^{-1}_{ij} = A_{ij}^T": "entry(A^-1, i, j) = entry(A^T^-1, i, j) = A[i, j]^T",
    r"K_{xy} = K_{xy}^\top": "K_xy = K_xy^T",
    r"\sum_{k \in \{1,\dots,n\}} u_k = \prod_{k=1}^n u_k": "sum(k) [1 <= k < n + 1]*u[k] = prod(k) [1 <= k < n + 1]*u[k]",
    r"u_i = v_i \quad (i \ne 3), \; i = 1,\dots,n": "u[i] = v[i] for [i != 3], [1 <= i <= n]",
    r"u_i = v_i \text{ if } v_i > 0 \text{ and } i < n": "u[i] = v[i] for [v[i] > 0], [i < n]",
    r"1/n \sum_i u_i = \frac{1}{n} \mathbf 1_n^\top u": "1/n sum(i) u[i] = (1/n) ones(n)^T u",
}  # fmt: skip

LINES = [
    *((MLP, latex, text) for latex, text in MLP_LINES.items()),
    *((CONVOLUTION, latex, text) for latex, text in CONVOLUTION_LINES.items()),
    *((SCALARS, latex, text) for latex, text in SCALAR_LINES.items()),
    *((MATRICES, latex, text) for latex, text in MATRIX_LINES.items()),
]
