// Makes the pages better; none of them needs it. What it does is named in the page by data- attributes.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const seconds = () => performance.now() / 1000;
  const later = (wait, action) => setTimeout(action, wait * 1000);

  // A form is sent once. The id in it makes a second press harmless; this makes it invisible.
  document.addEventListener('submit', event => {
    const form = event.target;
    if (!form.matches('[data-once]')) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = 'yes';
    all('button', form).forEach(button => button.setAttribute('aria-disabled', 'true'));
  });

  // Back in the browser's history is a page as it was left: it may be sent again.
  addEventListener('pageshow', event => {
    if (!event.persisted) return;
    all('form[data-sent]').forEach(form => {
      delete form.dataset.sent;
      all('button', form).forEach(button => button.removeAttribute('aria-disabled'));
    });
    if (one('[data-ends], [data-again], [data-live]')) location.reload();
  });

  // Takes the content of a page anew, without moving whoever reads it.
  async function refresh(url = location.href) {
    const answer = await fetch(url, { headers: { Accept: 'text/html' } });
    if (answer.redirected) return location.replace(answer.url);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const title = one('title', fresh).textContent;
    one('main').replaceChildren(...one('main', fresh).childNodes);
    document.title = title;
    start();
  }

  // The remaining places, live. A hidden tab lets go of its connection: browsers have few, and nobody looks.
  let source = null;
  function watch() {
    const sale = one('[data-live]');
    if (source) source.close();
    source = null;
    if (!sale || document.hidden) return;
    source = new EventSource(sale.dataset.live);
    source.addEventListener('open', () => { const live = one('.live', sale); if (live) live.hidden = false; });
    source.addEventListener('error', () => {
      const live = one('.live', sale);
      if (live) live.hidden = true;
      if (source && source.readyState === EventSource.CLOSED) later(20 + Math.random() * 20, watch);
    });
    source.addEventListener('availability', event => {
      const now = JSON.parse(event.data);
      const free = Object.fromEntries(now.tiers.map(tier => [tier.tier, tier.available]));
      for (const left of all('[data-tier]', sale)) {
        const count = free[left.dataset.tier];
        if (count === undefined) continue;
        const { none, one: single, many } = left.dataset;
        const text = count === 0 ? none : count === 1 ? single : many.replace('7', count.toLocaleString('en-US'));
        if (left.textContent !== text) left.textContent = text;
        left.classList.toggle('none', count === 0);
      }
      for (const figure of all('[data-figure]', sale)) {
        const sum = now.pools.reduce((total, pool) => total + pool[figure.dataset.figure], 0);
        figure.textContent = sum.toLocaleString('en-US');
      }
      const any = name => now.pools.some(pool => pool[name] > 0);
      const isFree = now.tiers.some(tier => tier.available > 0) || now.pools.some(pool => pool.pairs && pool.pairs.some(row => row.some(count => count > 0)));
      const mood = `${now.state} ${isFree ? 'free' : any('held') ? 'held' : 'none'}`;
      if (sale.dataset.mood === mood || sale.dataset.turning) return;

      // The page offers something else now. Everybody sees that at the same moment; they need not all ask at once.
      const say = mood === 'open free' ? sale.dataset.back : sale.dataset.gone;
      sale.dataset.turning = 'yes';
      later(Math.random() * 2, () => refresh().then(() => { const status = one('[data-status]'); if (status && now.state === 'open') status.textContent = say; }));
    });
  }
  document.addEventListener('visibilitychange', () => {
    watch();

    // A machine that slept did not count.
    if (!document.hidden && one('[data-ends]')) refresh();
  });

  // The time that is left of a hold. Counted from what the server said when the page was made: clocks of browsers are wrong.
  function countDown(clock) {
    const ends = seconds() + Number(clock.dataset.ends);
    const of = Number(clock.dataset.of);
    const tick = () => {
      if (!clock.isConnected) return;
      const left = Math.max(0, Math.floor(ends - seconds()));
      one('[data-left]', clock).textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
      one('[data-run]', clock).setAttribute('width', Math.min(100, left * 100 / of));
      clock.classList.toggle('late', left < 60);
      if (left === 0) return later(1.2, () => refresh(clock.dataset.then));
      later(1, tick);
    };
    tick();
  }

  // A page that asks again by itself, a little later than everybody else who was told the same.
  function askAgain(wait) {
    const ends = seconds() + Number(wait.dataset.again) + Math.random();
    const text = one('[data-countdown]', wait);
    const tick = () => {
      const left = Math.ceil(ends - seconds());
      if (left > 0) {
        text.textContent = left === 1 ? text.dataset.one : text.dataset.many.replace('7', left);
        return later(Math.min(1, ends - seconds()), tick);
      }
      const again = one('[data-retry]', wait);
      if (again.tagName === 'FORM') again.requestSubmit();
      else location.replace(again.href);
    };
    later(1, tick);
  }

  function total(form) {
    const sum = one('.sum', form);
    const digits = Number(form.dataset.digits);
    const add = () => {
      const minor = all('[data-price]', form).reduce((all, field) => all + Number(field.dataset.price) * Number(field.value || 0), 0);
      const number = minor / 10 ** digits;
      const shown = minor % 10 ** digits ? digits : 0;
      one('[data-sum]', form).textContent = form.dataset.sign
        + number.toLocaleString('en-US', { minimumFractionDigits: shown, maximumFractionDigits: shown });
      sum.hidden = minor === 0;
    };
    form.addEventListener('change', add);
    form.addEventListener('input', add);
    add();
  }

  function poll(part) {
    later(5, async () => {
      if (!part.isConnected) return;
      if (!document.hidden) {
        const answer = await fetch(part.dataset.poll, { headers: { Accept: 'text/html' } }).catch(() => null);
        if (answer && answer.redirected) return location.replace(answer.url);
      }
      poll(part);
    });
  }

  // The part of a page that is taken anew every so many seconds, for as long as somebody looks.
  function fresh(part) {
    later(Number(part.dataset.fresh), async () => {
      if (!part.isConnected) return;
      if (!document.hidden) {
        const answer = await fetch(part.dataset.from, { headers: { Accept: 'text/html' } }).catch(() => null);
        if (answer && answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
          const now = one('[data-fresh]', page);
          if (now) part.replaceChildren(...now.childNodes);
        }
      }
      fresh(part);
    });
  }

  function start() {
    all('[data-ends]').forEach(countDown);
    all('[data-again]').forEach(askAgain);
    all('[data-total]').forEach(total);
    all('[data-poll]').forEach(poll);
    all('[data-fresh]').forEach(fresh);
    for (const button of all('[data-print]')) {
      button.hidden = false;
      button.addEventListener('click', () => print());
    }
    for (const button of all('[data-copy]')) {
      if (!navigator.clipboard) continue;
      button.hidden = false;
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(one('[data-link]').value);
        button.textContent = button.dataset.done;
      });
    }
    const problem = one('.problem');
    if (problem) problem.focus();
    watch();
  }

  start();
})();
