/* What the pages need beyond Bootstrap and htmx. Every page works without it. */
(() => {
  const root = document.documentElement;

  // The server writes data-bs-theme from the same cookie on the next page.
  const chooseTheme = (theme) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    if (theme === "auto") delete root.dataset.bsTheme;
    else root.dataset.bsTheme = theme;
    document.cookie =
      theme === "auto"
        ? "theme=; path=/; max-age=0; samesite=lax"
        : `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  };

  // The server leaves the attribute out once someone has chosen.
  const detectTimeZone = (select) => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if ([...select.options].some((option) => option.value === zone)) select.value = zone;
  };

  const enhance = (part) => {
    const all = (what) => [...(part.matches?.(what) ? [part] : []), ...part.querySelectorAll(what)];
    // A parent topic is "mixed" when only some of its focus areas are ticked.
    all("[data-indeterminate]").forEach((box) => (box.indeterminate = true));
    all("select[data-detect-time-zone]").forEach(detectTimeZone);
    // After a failed submit the summary takes focus (WCAG 3.3.1).
    all("[data-error-summary]")[0]?.focus();
  };

  document.addEventListener("change", ({ target }) => {
    if (target.closest("[data-theme-switch]")) chooseTheme(target.value);
    if (target.matches("[data-auto-submit]")) target.form.requestSubmit();
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-print]")) window.print();
  });
  // A menu left by keyboard closes, so that it never covers what has the focus.
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const menu = target.closest("[popover]");
    if (menu && relatedTarget && !menu.contains(relatedTarget)) menu.hidePopover();
  });
  document.addEventListener("htmx:load", ({ detail }) => {
    if (detail.elt !== document.body) enhance(detail.elt);
  });
  enhance(document);
})();
