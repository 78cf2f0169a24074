// Countersign in the browser: shortcuts, theme, drafts. Every page works
// without it. Behaviour hangs on data attributes, never on markup's classes.
(() => {
  "use strict";
  const all = (sel, root = document) => [...root.querySelectorAll(sel)];
  const one = (sel, root = document) => root.querySelector(sel);
  const kept = (key, value) => {
    try {
      if (value === undefined) return localStorage.getItem(key);
      localStorage.setItem(key, value);
    } catch { /* storage is refused: the choice lasts for this page */ }
    return value;
  };

  // Theme. A cookie, so that the server draws the page right the first time.
  const themes = one("[data-themes]");
  const showTheme = () => all("[data-theme-is]").forEach((b) =>
    b.setAttribute("aria-pressed", String(b.dataset.themeIs === (document.documentElement.dataset.theme || ""))));
  if (themes) {
    themes.hidden = false;
    showTheme();
    themes.addEventListener("click", (e) => {
      const b = e.target.closest("[data-theme-is]");
      if (!b) return;
      const theme = b.dataset.themeIs;
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
      document.cookie = `theme=${theme}; path=/; samesite=lax; max-age=${theme ? 31536000 : 0}`;
      showTheme();
    });
  }

  // Keyboard. Single keys can be switched off (WCAG 2.1.4).
  const help = document.getElementById("keys");
  const shortcuts = one("[data-shortcuts]");
  let keysOn = kept("shortcuts") !== "off";
  if (shortcuts) {
    shortcuts.checked = keysOn;
    shortcuts.addEventListener("change", () => kept("shortcuts", (keysOn = shortcuts.checked) ? "on" : "off"));
  }
  all("[data-help]").forEach((b) => {
    b.hidden = !help;
    b.addEventListener("click", () => help.showModal());
  });
  const walk = (by) => {
    const rows = all("[data-row]").filter((r) => r.offsetParent);
    if (!rows.length) return;
    const row = document.activeElement.closest("tr");
    const at = row ? rows.findIndex((r) => row.contains(r)) : -1;
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
    next.focus({ preventScroll: true });
    next.closest("tr").scrollIntoView({ block: "nearest" });
  };
  const typing = (el) => el.isContentEditable || /^(textarea|select)$/i.test(el.tagName) ||
    (el.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(el.type));
  const acts = {
    j: () => walk(1),
    k: () => walk(-1),
    x: () => document.activeElement.closest("tr")?.querySelector("[data-pick]")?.click(),
    "/": () => (one("main [data-search]") || one("[data-search]"))?.focus(),
    "?": () => help?.showModal(),
  };
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && typing(e.target)) return e.target.blur();
    if (!keysOn || e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target) || one("dialog[open]")) return;
    const own = all("[data-key]").find((el) => el.dataset.key === e.key && !el.disabled && el.offsetParent);
    if (!own && !Object.hasOwn(acts, e.key)) return;
    e.preventDefault();
    if (own) return typing(own) ? own.focus() : own.click();
    acts[e.key]();
  });

  // A list of errors takes the focus, so that it is read first.
  one(".errors[tabindex]")?.focus();

  // Drafts. A form with data-autosave="address" posts itself there a moment
  // after the last keystroke, and says whether it was kept. Nothing typed is
  // dropped: a failed save is tried again, and leaving before it asks.
  all("form[data-autosave]").forEach((form) => {
    const say = one("[data-saved]", form);
    let timer, delay = 1000, dirty = false, saving = false, stuck = false, sent = false;
    const show = (is, words) => {
      if (!say) return;
      say.hidden = false;
      say.dataset.is = is;
      say.textContent = words;
    };
    const save = async () => {
      if (saving || stuck || sent) return;
      saving = true;
      dirty = false;
      show("saving", "Saving");
      try {
        const body = new URLSearchParams([...new FormData(form)].filter(([, v]) => typeof v === "string"));
        const res = await fetch(form.dataset.autosave, { method: "POST", body, credentials: "same-origin", redirect: "error" });
        if (res.status === 409) {
          stuck = true;
          return show("unsaved", "Not saved: somebody else changed this draft. Copy your text, then reload.");
        }
        if (!res.ok) throw new Error(res.status);
        delay = 1000;
        const at = new Date(res.headers.get("Date") || Date.now());
        if (!dirty) show("saved", `Saved ${at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })}`);
      } catch {
        dirty = true;
        delay = Math.min(delay * 2, 30000);
        show("unsaved", "Not saved yet. Your text is on this page; trying again.");
      } finally {
        saving = false;
        if (dirty && !stuck && !sent) timer = setTimeout(save, delay);
      }
    };
    form.addEventListener("input", () => {
      dirty = true;
      if (say?.dataset.is === "saved") show("typing", "Not saved yet");
      clearTimeout(timer);
      timer = setTimeout(save, delay);
    });
    form.addEventListener("submit", () => { sent = true; clearTimeout(timer); });
    addEventListener("pageshow", () => { sent = false; });
    addEventListener("beforeunload", (e) => { if ((dirty || saving || stuck) && !sent) e.preventDefault(); });
  });
})();
