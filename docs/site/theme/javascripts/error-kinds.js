/* The sections about error kinds were on one page: an address such as errors.html#auth leads to the page of the kind. */
if (/\/errors\.html$/.test(location.pathname) && /^#[a-z_]+$/.test(location.hash)) {
  document.querySelectorAll(`${location.hash} + a[href^="errors/"]`).forEach((link) => location.replace(link.href));
}
