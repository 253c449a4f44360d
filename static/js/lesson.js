/* How far one came in a lesson, told to the server now and then; and back to that place. The page
   works without it: then only opening and reading are known. */
(() => {
  const lesson = document.querySelector("[data-position]");
  if (!lesson) return;
  const video = lesson.querySelector("video");
  const REPORT_EVERY = 20; // seconds

  // Percent of the text that has been on the screen, or of the video that is played.
  const place = () => {
    if (video) return video.duration ? (100 * video.currentTime) / video.duration : 0;
    const { top, height } = lesson.getBoundingClientRect();
    return (100 * (innerHeight - top)) / height;
  };

  const resume = () => {
    const percent = Number(lesson.dataset.position);
    // What was read or seen to the end begins again at its beginning.
    if (location.hash !== "#resume" || percent <= 0 || percent >= 100) return;
    if (video) {
      const seek = () => (video.currentTime = (percent / 100) * video.duration);
      if (video.readyState) seek();
      else video.addEventListener("loadedmetadata", seek, { once: true });
    } else {
      const { top, height } = lesson.getBoundingClientRect();
      // The line that was lowest on the screen comes to its middle.
      scrollTo({ top: scrollY + top + (percent / 100) * height - innerHeight / 2 });
    }
  };
  addEventListener("load", resume);

  const url = lesson.dataset.progress;
  if (!url) return;
  let farthest = Number(lesson.dataset.position);
  let seconds = 0;
  let told = farthest;
  const note = () => {
    farthest = Math.max(farthest, Math.min(100, Math.max(0, Math.round(place()))));
  };
  const report = () => {
    if (!seconds && farthest <= told) return;
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    const body = new URLSearchParams({ position: farthest, seconds, csrfmiddlewaretoken: token });
    seconds = 0;
    told = farthest;
    // A report that is lost is no harm: the next one says how far one came.
    fetch(url, { method: "POST", body, keepalive: true }).catch(() => {});
  };
  addEventListener("scroll", note, { passive: true });
  video?.addEventListener("timeupdate", note);
  addEventListener("load", () => setTimeout(note));
  setInterval(() => {
    if (document.visibilityState !== "visible") return;
    seconds += 1;
    if (seconds >= REPORT_EVERY) report();
  }, 1000);
  // Also the last thing when one goes away or closes the page.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") report();
  });
})();
