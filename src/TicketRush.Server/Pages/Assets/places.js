// Makes choosing seats and journeys better; nothing here is needed.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const later = (wait, action) => setTimeout(action, wait * 1000);
  const streams = [];

  // Connections are few in a browser, and nobody looks at a hidden tab.
  function stream(url, events) {
    const own = { source: null };
    own.open = () => {
      if (document.hidden || own.source) return;
      own.source = new EventSource(url());
      for (const [name, action] of Object.entries(events)) own.source.addEventListener(name, action);
      own.source.addEventListener('error', () => {
        if (own.source && own.source.readyState === EventSource.CLOSED) { own.source = null; later(20 + Math.random() * 20, own.open); }
      });
    };
    own.close = () => { if (own.source) own.source.close(); own.source = null; };
    streams.push(own);
    own.open();
  }
  document.addEventListener('visibilitychange', () => streams.forEach(one => document.hidden ? one.close() : one.open()));
  addEventListener('pageshow', event => { if (event.persisted && one('[data-seats], [data-watch], [data-waiting]')) location.reload(); });

  const money = (form, minor) => {
    const digits = Number(form.dataset.digits);
    return new Intl.NumberFormat(document.documentElement.lang,
      { style: 'currency', currency: form.dataset.currency, minimumFractionDigits: minor % 10 ** digits ? digits : 0 }).format(minor / 10 ** digits);
  };

  // How many are free for the journey that is shown.
  function watch(part) {
    stream(() => part.dataset.watch, { availability: event => {
      const now = JSON.parse(event.data);
      for (const left of all('[data-free]', part)) {
        const pool = now.pools[Number(left.dataset.free)];
        const tier = now.tiers.find(tier => tier.tier === left.dataset.tierFree);
        if (!pool || !tier) continue;
        const journey = (left.dataset.journey || '').split(' ').map(Number);
        const count = journey.length === 2 && pool.pairs ? pool.pairs[journey[0]][journey[1] - journey[0] - 1] : tier.available;
        const { none, one: single, many } = left.dataset;
        const text = count === 0 ? none : count === 1 ? single : many.replace('7', count.toLocaleString('en-US'));
        if (left.textContent !== text) left.textContent = text;
        left.classList.toggle('none', count === 0);
      }
    } });
  }

  function seats(form) {
    const map = one('.seats', form);
    const rows = all('.row', map).map(row => ({ first: Number(row.dataset.first), legend: one('legend', row).textContent, inputs: all('input', row) }));
    const most = Number(form.dataset.most);
    const inputs = rows.flatMap(row => row.inputs);
    const say = text => { one('[data-said]', form).textContent = text; };
    const name = input => {
      const row = rows.find(row => row.inputs.includes(input));
      return `${row.legend} ${input.getAttribute('aria-label')}`;
    };

    const list = one('[data-list]', form);
    const nothing = list.textContent;
    function tell() {
      const chosen = inputs.filter(input => input.checked);
      list.textContent = chosen.length === 0 ? nothing : chosen.map(name).join(' · ');
      const others = all('[data-less]', form);
      const less = others.reduce((sum, field) => sum + Number(field.value), 0);
      const minor = Math.max(0, chosen.length - less) * Number(form.dataset.priceEach)
        + others.reduce((sum, field) => sum + Number(field.value) * Number(field.dataset.less), 0);
      one('.sum', form).hidden = minor === 0;
      one('[data-sum]', form).textContent = money(form, minor);
      for (const input of inputs) if (!input.disabled) input.toggleAttribute('aria-disabled', chosen.length >= most && !input.checked);
    }

    map.addEventListener('change', event => {
      if (event.target.checked && inputs.filter(input => input.checked).length > most) event.target.checked = false;
    });
    form.addEventListener('change', tell);

    // One stop for the tab key; arrows move from seat to seat, over what is taken.
    const free = row => row.inputs.filter(input => !input.disabled);
    function rove(input) {
      for (const other of inputs) other.tabIndex = other === input ? 0 : -1;
    }
    const begin = () => rove(inputs.find(input => input.checked) || inputs.find(input => !input.disabled));
    begin();
    map.addEventListener('focusin', event => { if (event.target.matches('input')) rove(event.target); });
    map.addEventListener('keydown', event => {
      if (!event.target.matches('.row input')) return;
      const at = rows.findIndex(row => row.inputs.includes(event.target));
      const own = free(rows[at]);
      const middle = event.target.getBoundingClientRect().left;
      const nearest = step => {
        for (let row = at + step; row >= 0 && row < rows.length; row += step) {
          const others = free(rows[row]);
          if (others.length) return others.reduce((best, input) =>
            Math.abs(input.getBoundingClientRect().left - middle) < Math.abs(best.getBoundingClientRect().left - middle) ? input : best);
        }
      };
      const next = {
        ArrowLeft: () => own[own.indexOf(event.target) - 1], ArrowRight: () => own[own.indexOf(event.target) + 1],
        ArrowUp: () => nearest(-1), ArrowDown: () => nearest(1), Home: () => own[0], End: () => own[own.length - 1],
      }[event.key];
      if (!next) return;
      event.preventDefault();
      const input = next();
      if (input) input.focus();
    });

    // Bits as they come: 1 is free. What somebody else took is said, and is ours no more.
    let known = new URL(form.dataset.liveSeats, location).searchParams.get('since');
    function set(seat, isFree) {
      const row = rows.find(row => seat >= row.first && seat < row.first + row.inputs.length);
      if (!row) return;
      const input = row.inputs[seat - row.first];
      if (input.dataset.kept !== undefined || input.disabled === !isFree) return;
      if (!isFree && input.checked) {
        say(`${form.dataset.lost} ${name(input)}`);
        input.checked = false;
        input.closest('label').classList.add('lost');
      }
      const hadFocus = document.activeElement === input;
      input.disabled = !isFree;
      if (isFree) input.closest('label').classList.remove('lost');
      else if (hadFocus || input.tabIndex === 0) { begin(); if (hadFocus) one('[tabindex="0"]', map)?.focus(); }
    }
    function byte(at, bits) {
      for (let bit = 0; bit < 8; bit++) set(at * 8 + bit, (bits >> bit & 1) === 1);
    }
    const news = action => event => {
      const now = JSON.parse(event.data);
      if (Number(known) > now.sequence) return;
      known = now.sequence;
      action(now);
      tell();
    };
    stream(() => { const url = new URL(form.dataset.liveSeats, location); url.searchParams.set('since', known); return url; }, {
      open: () => { one('.live', form).hidden = false; },
      error: () => { one('.live', form).hidden = true; },
      seats: news(now => { const bits = atob(now.free); for (let at = 0; at < bits.length; at++) byte(at, bits.charCodeAt(at)); }),
      changed: news(now => { for (const [at, bits] of now.bytes) byte(at, bits); }),
    });

    map.scrollLeft = (map.scrollWidth - map.clientWidth) / 2;
    tell();
  }

  // A wish that waits: the page turns by itself when the places have come.
  function waiting(part) {
    later(4 + Math.random() * 2, async () => {
      if (!part.isConnected) return;
      if (!document.hidden) {
        const answer = await fetch(part.dataset.waiting, { headers: { Accept: 'text/html' } }).catch(() => null);
        if (answer && answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
          const now = one('[data-waiting]', page);
          if (!now) return location.replace(part.dataset.waiting);
          if (now.textContent !== part.textContent) part.replaceChildren(...now.childNodes);
        }
      }
      waiting(part);
    });
  }

  all('[data-watch]').forEach(watch);
  all('form[data-seats]').forEach(seats);
  all('[data-waiting]').forEach(waiting);
})();
