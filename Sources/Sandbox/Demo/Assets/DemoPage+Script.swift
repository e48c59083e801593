extension DemoPage {
  static let script = #"""
    'use strict';
    const at = (id) => document.getElementById(id);
    const socketURL = (path) => new URL(path, location.href.replace(/^http/, 'ws'));
    const lamp = (id, on) => at(id).classList.toggle('on', on);
    at('host').textContent = location.host;

    // Clock: EventSource comes back by itself when the stream breaks.
    const clock = new EventSource('/clock');
    clock.onopen = () => lamp('clock-lamp', true);
    clock.onerror = () => lamp('clock-lamp', false);
    clock.onmessage = (event) => {
      const { nowMs, upSec } = JSON.parse(event.data);
      at('clock-time').textContent = new Date(nowMs).toLocaleTimeString();
      const [h, m, s] = [Math.floor(upSec / 3600), Math.floor(upSec / 60) % 60, upSec % 60];
      at('clock-up').textContent = (h ? `${h} h ` : '') + (h || m ? `${m} min ` : '') + `${s} s`;
    };

    // A WebSocket that comes back: soon at first, then less and less eagerly.
    function connect(path, lampID, onOpen, onMessage) {
      let waitMs = 500;
      const link = { socket: null };
      (function open() {
        const socket = link.socket = new WebSocket(socketURL(path));
        socket.onopen = () => { waitMs = 500; lamp(lampID, true); onOpen(socket); };
        socket.onmessage = (event) => onMessage(event.data, socket);
        socket.onclose = () => { lamp(lampID, false); setTimeout(open, waitMs); waitMs = Math.min(waitMs * 2, 10000); };
      })();
      return link;
    }

    // Echo: one message out at a time, a second after the last came back.
    const rounds = [];
    let best = Infinity, roundsAll = 0;
    const probe = (socket) => { if (socket.readyState === WebSocket.OPEN) socket.send(String(performance.now())); };
    connect('/echo', 'echo-lamp', probe, (data, socket) => {
      const ms = performance.now() - Number(data);
      best = Math.min(best, ms);
      rounds.push(ms);
      if (rounds.length > 60) rounds.shift();
      at('echo-ms').textContent = ms.toFixed(1);
      at('echo-best').textContent = best.toFixed(1);
      at('echo-count').textContent = ++roundsAll;
      const top = Math.max(...rounds, 1);
      at('echo-line').firstElementChild.setAttribute('points', rounds.map((r, i) => `${i * 300 / 59},${46 - r / top * 42}`).join(' '));
      setTimeout(probe, 1000, socket);
    });

    // Chat.
    let me = 0;
    const chat = connect('/chat', 'chat-lamp', () => {}, (data) => {
      const message = JSON.parse(data);
      if (message.type === 'welcome') me = message.you;
      if (message.type === 'here') at('chat-here').textContent = message.count === 1 ? 'Only you are' : `${message.count} are`;
      if (message.type !== 'message') return;
      const line = document.createElement('li'), who = document.createElement('b');
      who.textContent = message.from === me ? 'You: ' : `Guest ${message.from}: `;
      line.append(who, message.text);
      const log = at('chat-log');
      log.append(line);
      if (log.children.length > 200) log.firstElementChild.remove();
      log.scrollTop = log.scrollHeight;
    });
    at('chat-form').onsubmit = (event) => {
      event.preventDefault();
      const field = at('chat-text');
      if (!field.value.trim() || chat.socket.readyState !== WebSocket.OPEN) return;
      chat.socket.send(field.value);
      field.value = '';
    };

    // Upload: XMLHttpRequest, since fetch tells no progress.
    const mib = (bytes) => (bytes / 1048576).toFixed(bytes < 1048576 ? 3 : 1) + ' MiB';
    function upload(blob, name) {
      const request = new XMLHttpRequest(), text = at('upload-text'), bar = at('upload-bar');
      request.open('POST', '/upload');
      request.upload.onprogress = (event) => {
        if (event.total) bar.value = event.loaded / event.total;
        text.textContent = `${name}: ${mib(event.loaded)} of ${mib(event.total)}`;
      };
      request.onload = () => {
        if (request.status !== 200) { text.textContent = `The answer was ${request.status}.`; return; }
        const answer = JSON.parse(request.responseText);
        bar.value = 1;
        text.textContent = `${name}: ${mib(answer.bytes)} in ${answer.ms} ms, SHA-256 ${answer.sha256}`;
      };
      request.onerror = () => { text.textContent = `${name}: the connection broke.`; };
      request.send(blob);
    }
    at('upload-form').onsubmit = (event) => event.preventDefault();
    at('upload-file').onchange = (event) => { const file = event.target.files[0]; if (file) upload(file, file.name); };
    at('upload-random').onclick = () => {
      const noise = new Uint8Array(8 << 20);
      for (let i = 0; i < noise.length; i += 65536) crypto.getRandomValues(noise.subarray(i, i + 65536));
      upload(new Blob([noise]), 'noise');
    };

    // Headers.
    fetch('/headers').then((answer) => answer.json()).then(({ method, target, version, headers }) => {
      for (const [name, value] of [['', `${method} ${target} ${version}`], ...headers]) {
        const row = document.createElement('tr'), th = document.createElement('th'), td = document.createElement('td');
        th.textContent = name;
        td.textContent = value;
        row.append(th, td);
        at('headers-rows').append(row);
      }
    });

    """#
}
