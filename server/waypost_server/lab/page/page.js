"use strict";
(() => {
  const tip = document.getElementById("tip");
  document.addEventListener("pointermove", (event) => {
    const said = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !said;
    if (!said) return;
    tip.textContent = said.dataset.tip;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    const fits = below + tip.offsetHeight < innerHeight;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = (fits ? below : event.clientY - tip.offsetHeight - 12) + "px";
  });

  const map = document.getElementById("map");
  const full = map.viewBox.baseVal;
  const [width, height] = [full.width, full.height];
  let view = { x: 0, y: 0, z: 1 };
  const show = () => {
    map.setAttribute("viewBox", [view.x, view.y, width / view.z, height / view.z].join(" "));
    map.style.setProperty("--z", view.z);
  };
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = map.getBoundingClientRect();
    const px = (event.clientX - box.left) / box.width, py = (event.clientY - box.top) / box.height;
    const z = Math.min(40, Math.max(1, view.z * Math.exp(-event.deltaY / 400)));
    view.x += px * width * (1 / view.z - 1 / z);
    view.y += py * height * (1 / view.z - 1 / z);
    view = z === 1 ? { x: 0, y: 0, z } : { x: view.x, y: view.y, z };
    show();
  }, { passive: false });
  let held = null;
  map.addEventListener("pointerdown", (event) => { held = { x: event.clientX, y: event.clientY }; });
  addEventListener("pointerup", () => { held = null; });
  map.addEventListener("pointermove", (event) => {
    if (!held || view.z === 1) return;
    const scale = width / view.z / map.getBoundingClientRect().width;
    view.x -= (event.clientX - held.x) * scale;
    view.y -= (event.clientY - held.y) * scale;
    held = { x: event.clientX, y: event.clientY };
    show();
  });
  map.addEventListener("dblclick", () => { view = { x: 0, y: 0, z: 1 }; show(); });

  const picked = new Set();
  document.getElementById("legend").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const route = button.dataset.route;
    if (!picked.delete(route)) picked.add(route);
    button.setAttribute("aria-pressed", String(picked.has(route)));
    for (const dot of map.children) {
      dot.classList.toggle("dim", picked.size > 0 && !picked.has(dot.dataset.route));
    }
  });
  document.getElementById("switches").addEventListener("change", (event) => {
    map.classList.toggle("no-" + event.target.value, !event.target.checked);
  });

  document.getElementById("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("#mistakes tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
})();
