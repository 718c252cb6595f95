// A metric's recorded past with the bound that makes it bad, small enough for a card.
"use strict";

window.PolyArbAlertChart = (() => {
  const page = window.PolyArb;
  const HEIGHT = { small: 92, wide: 230 };
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faded = (name, share) => `color-mix(in srgb, ${css(name)} ${share}%, transparent)`;

  function number(value) {
    const size = Math.abs(value);
    const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 1 ? 1 : 3;
    return value.toLocaleString("en-US", { maximumFractionDigits: digits });
  }

  function said(chart, value) {
    if (chart.words.length) return chart.words[Math.round(value)] || "";
    if (chart.unit === "$") return page.money(Math.round(value * 1e6));
    return chart.unit ? `${number(value)} ${chart.unit}` : number(value);
  }

  function clock(at) {
    return new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  }

  // The side of the bound that is bad, the bound itself, and where a rule would have fired.
  function drawBound(plot, chart) {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio || 1;
    ctx.save();
    for (const mark of chart.marks || []) {
      const from = Math.max(bbox.left, plot.valToPos(mark.from, "x", true));
      const to = Math.min(bbox.left + bbox.width, plot.valToPos(mark.to, "x", true));
      ctx.fillStyle = faded("--pa-bad", 22);
      ctx.fillRect(from, bbox.top, Math.max(ratio, to - from), bbox.height);
      ctx.fillStyle = css("--pa-bad");
      ctx.beginPath();
      ctx.moveTo(from - 5 * ratio, bbox.top);
      ctx.lineTo(from + 5 * ratio, bbox.top);
      ctx.lineTo(from, bbox.top + 8 * ratio);
      ctx.fill();
    }
    if (chart.bound !== null && chart.words.length && chart.equal) {
      // A word is bad: its height is.
      const top = plot.valToPos(chart.bound / 1e6 + 0.3, "y", true);
      const bottom = plot.valToPos(chart.bound / 1e6 - 0.3, "y", true);
      ctx.fillStyle = faded("--pa-bad", 14);
      ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    } else if (chart.bound !== null && !chart.words.length) {
      const y = Math.round(plot.valToPos(chart.bound / 1e6, "y", true));
      if (y >= bbox.top && y <= bbox.top + bbox.height) {
        ctx.fillStyle = faded("--pa-bad", 9);
        if (chart.low_is_bad) ctx.fillRect(bbox.left, y, bbox.width, bbox.top + bbox.height - y);
        else ctx.fillRect(bbox.left, bbox.top, bbox.width, y - bbox.top);
        ctx.strokeStyle = css("--pa-bad");
        ctx.lineWidth = ratio;
        ctx.setLineDash([4 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
    }
    ctx.restore();
  }

  function range(chart) {
    if (chart.words.length) return () => [-0.3, Math.max(1, chart.words.length - 1) + 0.3];
    return (_plot, min, max) => {
      const bound = chart.bound === null ? [] : [chart.bound / 1e6];
      const low = Math.min(0, ...bound, min === null ? 0 : min);
      const high = Math.max(0, ...bound, max === null ? 0 : max);
      const pad = Math.max((high - low) * 0.12, 1e-6);
      return [low < 0 ? low - pad : low, high + pad];
    };
  }

  function options(container, chart, wide) {
    const grid = { stroke: css("--pa-line"), width: 1 };
    const axis = { stroke: css("--pa-subtle"), grid, ticks: { show: false }, font: "11px Inter, sans-serif" };
    return {
      width: container.clientWidth,
      height: wide ? HEIGHT.wide : HEIGHT.small,
      padding: [wide ? 12 : 6, 18, 0, 0], // room for half of the last time
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: range(chart) } },
      axes: [
        { ...axis, size: 20, gap: 2, space: wide ? 80 : 70, grid: { show: false }, values: (_plot, splits) => splits.map(clock) },
        {
          ...axis,
          size: chart.words.length ? 16 + 6.5 * Math.max(...chart.words.map((word) => word.length)) : 54,
          gap: 4,
          space: wide ? 34 : 28,
          splits: chart.words.length ? () => chart.words.map((_word, index) => index) : undefined,
          values: (_plot, splits) => splits.map((value) => said(chart, value)),
        },
      ],
      series: [
        {},
        {
          stroke: css("--pa-accent"),
          width: 1.5,
          fill: chart.words.length ? undefined : faded("--pa-accent", 10),
          paths: chart.words.length ? uPlot.paths.stepped({ align: 1 }) : undefined,
          points: { show: false },
          spanGaps: false,
        },
      ],
      hooks: { draw: [(plot) => drawBound(plot, chart)] },
    };
  }

  const isDark = () => document.documentElement.classList.contains("dark");

  function show(container, chart, wide) {
    if (container.paChart) container.paChart.remove();
    container.replaceChildren();
    if (!chart || !chart.points.length) {
      const empty = document.createElement("p");
      empty.className = "pa-al-noplot";
      empty.textContent = chart ? `No chart: ${chart.reason}.` : "";
      container.append(empty);
      return;
    }
    const data = [
      chart.points.map((point) => point[0]),
      chart.points.map((point) => (point[1] === null ? null : point[1] / 1e6)),
    ];
    let plot = null;
    function draw() {
      if (plot) plot.destroy();
      plot = new uPlot(options(container, chart, wide), data, container);
    }
    draw();
    const resized = new ResizeObserver(() => {
      if (container.clientWidth) plot.setSize({ width: container.clientWidth, height: wide ? HEIGHT.wide : HEIGHT.small });
    });
    resized.observe(container);
    let dark = isDark();
    const themed = new MutationObserver(() => {
      if (isDark() === dark) return;
      dark = isDark();
      draw();
    });
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    container.paChart = {
      remove() {
        resized.disconnect();
        themed.disconnect();
        plot.destroy();
      },
    };
  }

  return { show };
})();
