"""
Two kernels over an image, by hand
==================================

Course sheet 004, question 3: a kernel of 3 x 3 with stride 1, one of 2 x 2 with stride 2, over a padded image of 8 x 8.
"""

from derive.solutions import by_hand

for name, taps, stride in by_hand.KERNELS:
    print(f"{name}, stride {stride}:")
    for row in by_hand.result(taps, stride):
        print("  ", *(f"{number:4}" for number in row))

# %%
# Each number is a sum over a window: lay the kernel on the image, multiply what lies on top of each other, add. The
# page shows the sums themselves, and what a flipped kernel (a convolution in the strict sense) would give.

from derive.subjects.catalogue import document

document("convolution-by-hand")

# %%
# How close? These are whole numbers, so the answer has to be exact.

import numpy as np

image = np.array(by_hand.IMAGE)
for _, taps, stride in by_hand.KERNELS:
    kernel = np.array(taps)
    size = len(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
    expected = np.einsum("ijkl,kl->ij", windows, kernel)
    apart = int((np.array(by_hand.result(taps, stride)) != expected).sum())
    print(f"{size} x {size}: {apart} of {expected.size} entries differ")
    assert apart == 0
