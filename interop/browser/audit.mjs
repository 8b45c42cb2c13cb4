// What every page must be, whatever it shows. `audit` runs in the page; it closes over nothing.

/** What is wrong with the page as it is laid out now. */
export function audit() {
  const problems = [];
  const numbers = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const linear = colour.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const seen = (element) => element.getClientRects().length > 0;
  const called = (element) => `<${element.localName}${element.id ? ` id=${element.id}` : ""}> "${element.textContent.trim().slice(0, 40)}"`;

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) problems.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  for (const element of document.body.querySelectorAll("*")) {
    const { right, left, width } = element.getBoundingClientRect();
    if (width > 0 && (right > root.clientWidth + 0.5 || left < -0.5)) problems.push(`${called(element)} leaves the window`);
  }
  if (root.lang !== "en") problems.push("the document does not say its language");
  if (!document.title.endsWith("behalf")) problems.push(`the title is "${document.title}"`);
  if (document.querySelectorAll("h1").length !== 1) problems.push("there is not one h1");

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !seen(element) || ["script", "style"].includes(element.localName)) continue;
    const ratio = contrast(numbers(getComputedStyle(element).color), behind(element));
    if (ratio < 4.5) problems.push(`text ${called(element)}: contrast ${ratio.toFixed(2)}`);
  }
  for (const control of document.querySelectorAll("input:not([type=hidden]), textarea, select, button, a.button")) {
    if (!seen(control)) continue;
    const style = getComputedStyle(control);
    const around = behind(control.parentElement);
    const edge = Math.max(contrast(numbers(style.borderTopColor), around), contrast(behind(control), around));
    if (control.type !== "checkbox" && edge < 3) problems.push(`edge of ${called(control)}: contrast ${edge.toFixed(2)}`);
    if ("value" in control && contrast(numbers(style.color), behind(control)) < 4.5) problems.push(`what is typed into ${called(control)} is too faint`);
    const { width, height } = control.getBoundingClientRect();
    if (Math.min(width, height) < 24) problems.push(`${called(control)} is ${width}x${height}, too small to hit`);
    const named = control.labels?.length || control.ariaLabel || (control.localName !== "input" && control.textContent.trim());
    if (!named) problems.push(`${called(control)} has no label`);
    for (const id of (control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)) {
      if (!document.getElementById(id)) problems.push(`${called(control)} is described by #${id}, which is not there`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) problems.push("an id is there twice");
  for (const form of document.forms) {
    const first = form.querySelector("button:not([type=button])");
    if (first?.value === "cancel" && form.querySelector("button.main")) problems.push("Enter would cancel");
    if (form.method !== "post" && form.querySelector("[name=flow]")) problems.push("a sealed form lands in the address");
  }
  return problems;
}

/** Whether the element that has the focus shows it; names it. */
export function focused() {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const name = `${element.localName} ${element.id || element.value || element.textContent.trim()}`;
  const shows = style.outlineStyle === "auto" || (style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2);
  return { name, shows, body: element === document.body };
}
