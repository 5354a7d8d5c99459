// Walks the sweeps: node, edges and row of the current step stand out, rows still to come are dimmed.
(() => {
  "use strict";
  const PAUSE = 1500; // milliseconds between steps while playing

  const start = (box) => {
    const root = box.closest(".derive");
    const steps = [...box.querySelectorAll("li")].map((item) => ({
      sweep: item.dataset.sweep, key: item.dataset.key, sentence: item.childNodes,
    }));
    if (!root || !steps.length) return;
    const rows = [...root.querySelectorAll("tr[data-key]")];
    const nodes = [...root.querySelectorAll("g.node[data-key]")];
    const edges = [...root.querySelectorAll("g.edge[data-source]")];
    const button = (name) => box.querySelector(`[data-go="${name}"]`);
    const status = box.querySelector(".status");
    const place = box.querySelector(".place");
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const at = (sweep, key) => steps.findIndex((step) => step.sweep === sweep && step.key === key);
    let now = -1; // -1: not stepping
    let timer = 0;

    const show = (target) => {
      now = Math.max(-1, Math.min(steps.length - 1, target));
      const step = steps[now];
      root.classList.toggle("stepping", now >= 0);
      for (const row of rows) {
        const first = at(row.dataset.sweep, row.dataset.key);
        row.classList.toggle("now", !!step && row.dataset.sweep === step.sweep && row.dataset.key === step.key);
        row.classList.toggle("later", now >= 0 && first > now);
      }
      for (const node of nodes) {
        node.classList.toggle("lit", !!step && node.dataset.key === step.key);
        node.classList.toggle("later", !!step && at(step.sweep, node.dataset.key) > now);
      }
      // what flows into a step: forward from the operands, in reverse from those that read the node
      const end = step && step.sweep === "reverse" ? "source" : "target";
      for (const edge of edges) {
        edge.classList.toggle("lit", !!step && edge.dataset[end] === step.key);
        edge.classList.toggle("later", !!step && at(step.sweep, edge.dataset[end]) > now);
      }
      const lit = root.querySelector("g.node.lit");
      const view = lit && lit.closest(".scroll");
      if (view) { // a picture larger than its place shows the node of the step
        const [a, b] = [lit.getBoundingClientRect(), view.getBoundingClientRect()];
        view.scrollBy(a.left + a.width / 2 - b.left - b.width / 2, a.top + a.height / 2 - b.top - b.height / 2);
      }
      status.replaceChildren(...(step ? [...step.sentence].map((part) => part.cloneNode(true)) : []));
      place.textContent = step ? `${now + 1} / ${steps.length}` : "";
      for (const name of ["first", "back"]) button(name).disabled = now <= 0;
      for (const name of ["next", "last"]) button(name).disabled = now === steps.length - 1;
      button("done").hidden = now < 0;
      const row = root.querySelector("tr.now");
      if (row) row.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
      if (now === steps.length - 1) pause();
    };
    const pause = () => {
      clearInterval(timer);
      timer = 0;
      button("play").textContent = "Play";
    };
    const play = () => {
      if (timer) return pause();
      show(now === steps.length - 1 ? 0 : now + 1);
      timer = setInterval(() => show(now + 1), PAUSE);
      button("play").textContent = "Pause";
    };
    const go = {
      first: () => show(0), back: () => show(Math.max(0, now - 1)), next: () => show(now + 1),
      last: () => show(steps.length - 1), play, done: () => { pause(); show(-1); },
    };
    const keys = {
      Home: "first", ArrowLeft: "back", ArrowUp: "back", ArrowRight: "next", ArrowDown: "next", End: "last",
      " ": "play", Escape: "done",
    };
    box.addEventListener("click", (event) => {
      const name = event.target.dataset.go;
      if (!name) return;
      if (name !== "play") pause();
      go[name]();
      // a button that was just disabled or hidden would take the focus, and with it the keys, away
      if (event.target.disabled || event.target.hidden) box.focus();
    });
    box.addEventListener("keydown", (event) => {
      const name = keys[event.key];
      const modified = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
      if (!name || modified || (event.key === " " && event.target.dataset.go)) return;
      event.preventDefault();
      if (name !== "play") pause();
      go[name]();
      if (document.activeElement.disabled) box.focus();
    });
    box.hidden = false;
    show(-1);
  };
  document.querySelectorAll("[data-stepper]").forEach(start);
})();
