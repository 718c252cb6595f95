// The realised curve: what was earned, how far below its best, and what happened when.
"use strict";

window.PolyArbChart = (() => {
  const page = window.PolyArb;
  const HEIGHT_MIN = 220;
  const MARK_TONES = { halt: "--pa-bad", resume: "--pa-good", start: "--pa-subtle", phase: "--pa-accent" };
  const NEAR_PIXELS = 7;
  // Whole cents at least: an axis in fractions of one says nothing.
  const DOLLAR_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4];

  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // A colour of the page's own, made transparent in a way that a canvas understands.
  function faded(name, share) {
    return `color-mix(in srgb, ${css(name)} ${share}%, transparent)`;
  }

  function drawMarks(plot, marks) {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio || 1;
    ctx.save();
    ctx.lineWidth = ratio;
    for (const mark of marks) {
      const x = Math.round(plot.valToPos(mark.at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const colour = css(MARK_TONES[mark.kind] || "--pa-subtle");
      ctx.strokeStyle = colour;
      ctx.fillStyle = colour;
      ctx.setLineDash(mark.kind === "halt" ? [] : [3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // The shape says it as well as the colour: a square halts, a triangle goes on.
      const size = 5 * ratio;
      ctx.beginPath();
      if (mark.kind === "halt") ctx.rect(x - size, bbox.top, size * 2, size * 2);
      else {
        ctx.moveTo(x - size, bbox.top);
        ctx.lineTo(x + size, bbox.top + size);
        ctx.lineTo(x - size, bbox.top + size * 2);
        ctx.closePath();
      }
      ctx.fill();
    }
    ctx.restore();
  }

  function range(_plot, min, max) {
    if (min === null) return [-0.1, 0.1];
    const low = Math.min(0, min);
    const high = Math.max(0, max);
    const pad = Math.max((high - low) * 0.12, 0.02);
    return [low < 0 ? low - pad : -pad * 0.4, high + pad];
  }

  function size(container) {
    return { width: container.clientWidth, height: Math.max(container.clientHeight, HEIGHT_MIN) };
  }

  function dollars(value) {
    return page.money(Math.round(value * 1e6));
  }

  function tip(container) {
    const element = document.createElement("div");
    element.className = "pa-chart-tip";
    element.hidden = true;
    container.parentElement.append(element);
    return element;
  }

  function line(text, strong) {
    const row = document.createElement("div");
    row.textContent = text;
    if (strong) row.style.fontWeight = 600;
    return row;
  }

  function moveTip(plot, element, data) {
    const index = plot.cursor.idx;
    const value = index === null || index === undefined ? null : plot.data[1][index];
    const near = data.marks.filter(
      (mark) => Math.abs(plot.valToPos(mark.at, "x") - plot.cursor.left) < NEAR_PIXELS,
    );
    if ((value === null || value === undefined) && !near.length) {
      element.hidden = true;
      return;
    }
    const rows = [];
    if (value !== null && value !== undefined) {
      const micro = Math.round(value * 1e6);
      const below = Math.round(plot.data[2][index] * 1e6) - micro;
      rows.push(line(page.money(micro, true), true));
      if (below > 0) rows.push(line(`${page.money(-below)} below its best`));
      rows.push(line(page.localTime(plot.data[0][index] * 1000)));
    }
    for (const mark of near.slice(-3)) {
      rows.push(line(`${page.localTime(mark.at * 1000)}  ${mark.text}`));
    }
    element.replaceChildren(...rows);
    element.hidden = false;
    const width = plot.over.clientWidth;
    const left = plot.over.offsetLeft + plot.cursor.left;
    const right = plot.cursor.left > width / 2;
    element.style.left = right ? "auto" : `${left + 28}px`;
    element.style.right = right ? `${element.parentElement.clientWidth - left}px` : "auto";
    element.style.top = "18px";
  }

  function options(container, data, tipElement) {
    const grid = { stroke: css("--pa-line"), width: 1 };
    const axis = { stroke: css("--pa-subtle"), grid, ticks: { show: false }, font: "12px Inter, sans-serif" };
    const clock = (_plot, splits, _axis, _found, step) =>
      splits.map((at) => {
        const moment = new Date(at * 1000);
        const midnight = moment.getHours() === 0 && moment.getMinutes() === 0;
        if (midnight || step >= 86400) {
          return moment.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
        }
        const seconds = step < 60 ? { second: "2-digit" } : {};
        return moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...seconds });
      });
    return {
      width: size(container).width,
      height: size(container).height,
      padding: [16, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 8 } },
      scales: { y: { range } },
      axes: [
        { ...axis, values: clock, space: 64, size: 32 },
        { ...axis, size: 66, incrs: DOLLAR_STEPS, values: (_plot, splits) => splits.map(dollars) },
      ],
      series: [
        {},
        {
          stroke: css("--pa-accent"),
          width: 2,
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
        },
        {
          stroke: faded("--pa-bad", 35),
          width: 1,
          dash: [4, 4],
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
        },
      ],
      bands: [{ series: [2, 1], fill: faded("--pa-bad", 16) }],
      hooks: {
        draw: [(plot) => drawMarks(plot, data.marks)],
        setCursor: [(plot) => moveTip(plot, tipElement, data)],
      },
    };
  }

  const isDark = () => document.documentElement.classList.contains("dark");

  function show(container, data) {
    const tipElement = tip(container);
    const scaled = (column) => data.points.map((point) => (point[column] === null ? null : point[column] / 1e6));
    let plot = null;

    function draw() {
      if (plot) plot.destroy();
      plot = new uPlot(
        options(container, data, tipElement),
        [data.points.map((point) => point[0]), scaled(1), scaled(2)],
        container,
      );
    }

    draw();
    const resized = new ResizeObserver(() => plot.setSize(size(container)));
    resized.observe(container);
    // The colours belong to the theme, and a canvas keeps those it was drawn with.
    let dark = isDark();
    const themed = new MutationObserver(() => {
      if (isDark() === dark) return;
      dark = isDark();
      draw();
    });
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    container.addEventListener("mouseleave", () => (tipElement.hidden = true));
    return () => {
      resized.disconnect();
      themed.disconnect();
      tipElement.remove();
      plot.destroy();
    };
  }

  return { show };
})();
