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

  // A search box with suggestions is a combobox (WAI-ARIA) over the list that htmx fills.
  const listOf = (box) => document.getElementById(box.dataset.suggestions);
  const boxOf = (list) => document.querySelector(`[data-suggestions="${list.id}"]`);
  const optionsOf = (box) => [...listOf(box).querySelectorAll("[role=option]")];
  const isOpen = (box) => box.getAttribute("aria-expanded") === "true";
  const choose = (box, option) => {
    for (const each of optionsOf(box)) each.setAttribute("aria-selected", each === option);
    if (option) box.setAttribute("aria-activedescendant", option.id);
    else box.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };
  const expand = (box, open) => {
    box.setAttribute("aria-expanded", open);
    listOf(box).hidden = !open;
    choose(box, null);
  };
  const makeCombobox = (box) => {
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", box.dataset.suggestions);
    box.setAttribute("aria-expanded", "false");
  };
  const onComboboxKey = (event) => {
    const box = event.target;
    const options = optionsOf(box);
    const last = options.length - 1;
    const now = options.findIndex((each) => each.id === box.getAttribute("aria-activedescendant"));
    const next = now < last ? now + 1 : 0;
    const steps = { ArrowDown: next, ArrowUp: now > 0 ? now - 1 : last, Home: 0, End: last };
    // Home and End belong to the text until an option is chosen.
    const isStep = event.key.startsWith("Arrow") || now >= 0;
    if (event.key === "Escape" && isOpen(box)) expand(box, false);
    else if (event.key === "Enter" && now >= 0) options[now].click();
    else if (event.key in steps && isStep && last >= 0) {
      if (!isOpen(box)) expand(box, true);
      choose(box, options[steps[event.key]]);
    } else return;
    event.preventDefault();
  };

  const enhance = (part) => {
    const all = (what) => [...(part.matches?.(what) ? [part] : []), ...part.querySelectorAll(what)];
    all("[data-suggestions]").forEach(makeCombobox);
    // A parent topic is "mixed" when only some of its focus areas are ticked.
    all("[data-indeterminate]").forEach((box) => (box.indeterminate = true));
    all("select[data-detect-time-zone]").forEach(detectTimeZone);
    all("[data-needs-script]").forEach((button) => (button.hidden = false));
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
  // A passkey that was not used: words on the page beside the button.
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    for (const words of document.querySelectorAll("[data-passkey-error]")) words.hidden = false;
  });
  // No empty parameters in an address: of a form that is sent and of one that htmx reads.
  document.addEventListener("formdata", ({ target, formData }) => {
    // Not target.method: a form may have a field of that name.
    if (target.getAttribute("method") !== "get") return;
    for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("[data-suggestions]")) onComboboxKey(event);
  });
  // The box keeps the focus while an option is clicked, so that the list stays.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("[role=listbox]")) event.preventDefault();
  });
  document.addEventListener("focusout", ({ target }) => {
    if (target.matches("[data-suggestions]")) expand(target, false);
  });
  // Where a facet has the same choices as before only their counts are renewed: a box stays under
  // the finger that presses it, and keeps its focus and what was ticked meanwhile.
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    if (!detail.target.id.startsWith("facet-")) return;
    const boxesOf = (part) => [...part.querySelectorAll("input[type=checkbox]")];
    const [own, sent] = [boxesOf(detail.target), boxesOf(detail.fragment)];
    if (own.length !== sent.length || own.some((box, n) => box.id !== sent[n].id)) return;
    own.forEach((box, n) => {
      const [label, newer] = [box.closest("label"), sent[n].closest("label")];
      label.className = newer.className;
      label.querySelector(".choice-n").replaceWith(newer.querySelector(".choice-n"));
      box.indeterminate = sent[n].matches("[data-indeterminate]");
    });
    detail.shouldSwap = false;
  });
  // What the reader opened or closed stays so when htmx replaces it.
  let details = [];
  document.addEventListener("htmx:beforeSwap", () => {
    details = [...document.querySelectorAll("details[id]")].map(({ id, open }) => [id, open]);
  });
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    for (const [id, open] of details.splice(0)) {
      const now = document.getElementById(id);
      if (now) now.open = open;
    }
    const box = target?.id && boxOf(target);
    if (box) expand(box, box === document.activeElement && optionsOf(box).length > 0);
  });
  // A menu left by keyboard closes, so that it never covers what has the focus.
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const menu = target.closest("[popover]");
    if (menu && relatedTarget && !menu.contains(relatedTarget)) menu.hidePopover();
  });
  // A form whose answers are saved one by one: its note says so when one was not.
  const autosave = (element) => element.closest?.("[data-autosave]");
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    // The refusal is a note, to be shown in its place.
    if (detail.xhr.status === 422 && autosave(detail.elt)) detail.shouldSwap = true;
  });
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(failure, ({ detail }) => {
      const form = autosave(detail.elt);
      if (form && detail.xhr.status !== 422) {
        document.getElementById("saved").textContent = form.dataset.autosave;
      }
    });
  }
  // Signing in in another tab renews the token: the form sends the one that holds now.
  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1];
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (autosave(detail.elt) && token()) detail.parameters.csrfmiddlewaretoken = token();
  });
  document.addEventListener("submit", ({ target }) => {
    if (autosave(target) && token()) target.elements.csrfmiddlewaretoken.value = token();
  });
  document.addEventListener("htmx:load", ({ detail }) => {
    if (detail.elt !== document.body) enhance(detail.elt);
  });
  enhance(document);
})();
