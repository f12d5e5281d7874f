#!/usr/bin/env node
// Draws docs/img/demo.svg from a real run of `redhandle demo`: `node docs/img/make.mjs [BINARY]`.
//
// The demo paints only on a terminal, so it runs below script(1) of util-linux. What is drawn is what was printed, with
// two exceptions, both marked: the page that the demo prints in full is left out (the README has it), and the name of
// the temporary folder is shortened. Times, hashes of the made-up alerts and dates differ from run to run; the rest does not.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const COLUMNS = 100; // the demo wraps its lines there
const CELL = { width: 8.4, height: 19, font: 14 };
const MARGIN = { x: 20, top: 46, bottom: 16 };
const COLOURS = { '': '#c9d1d9', 1: '#f0f6fc', 31: '#ff7b72', 36: '#76c7d8', '1;31': '#ff7b72', '1;32': '#56d364' };
const LEFT_OUT = '          ⋮ (the whole page stands in the README)';

const here = dirname(fileURLToPath(import.meta.url));
const binary = resolve(process.argv[2] ?? join(here, '../../target/debug/redhandle'));
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function run() {
  const folder = mkdtempSync(join(tmpdir(), 'redhandle-picture-'));
  const command = `${quote(binary)} demo --folder ${quote(folder)}`;
  const ran = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', cwd: resolve(here, '../..') });
  rmSync(folder, { recursive: true, force: true });
  if (ran.error || ran.status !== 0) {
    throw new Error(`the demo did not end well (${ran.error?.message ?? ran.status}):\n${ran.stdout}${ran.stderr}`);
  }
  return ran.stdout.replaceAll('\r\n', '\n').replaceAll(folder, 'demo');
}

// Lines of `{ text, code }`. A colour begins at the start of a line and may go on over several.
function lines(output) {
  let code = '';
  const painted = output.split('\n').map((raw) => {
    let own = code;
    const text = raw.replace(/\u001b\[([0-9;]*)m/g, (_, set) => {
      if (set === '0') code = '';
      else own = code = set;
      return '';
    });
    return { text: text.trimEnd(), code: own };
  });
  const isPage = ({ text }) => /^ {10}[━┃]/.test(text);
  const kept = painted.filter((line, at) => !isPage(line) || !isPage(painted[at - 1]));
  const shown = kept.map((line) => (isPage(line) ? { text: LEFT_OUT, code: '' } : line));
  return shown.filter((line, at) => line.text !== '' || (at > 0 && shown[at - 1].text !== ''));
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

// What stands between gaps of two or more spaces, which viewers of SVG would close.
function pieces(text) {
  return [...text.matchAll(/\S+(?: \S+)*/g)].map((found) => ({ at: [...text.slice(0, found.index)].length, text: found[0] }));
}

function svg(shown) {
  const width = Math.ceil(2 * MARGIN.x + COLUMNS * CELL.width);
  const height = MARGIN.top + shown.length * CELL.height + MARGIN.bottom;
  // textLength holds each piece to its columns whatever font is found.
  const drawn = shown.map(({ text, code }, row) => {
    const cut = [...text].length > COLUMNS ? `${[...text].slice(0, COLUMNS - 1).join('')}…` : text;
    const bold = code.startsWith('1') ? ' font-weight="600"' : '';
    const y = MARGIN.top + (row + 1) * CELL.height - 5;
    return pieces(cut)
      .map(({ at, text: piece }) => {
        const x = (MARGIN.x + at * CELL.width).toFixed(1);
        const long = ([...piece].length * CELL.width).toFixed(1);
        const fill = COLOURS[code] ?? COLOURS[''];
        return `<text x="${x}" y="${y}" textLength="${long}" fill="${fill}"${bold}>${escape(piece)}</text>`;
      })
      .join('');
  });
  const dots = ['#ff5f56', '#ffbd2e', '#27c93f'].map((fill, at) => `<circle cx="${24 + 20 * at}" cy="22" r="6" fill="${fill}"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What redhandle demo prints, from the first theft to the paused vault">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${dots.join('')}
<text x="${width / 2}" y="27" text-anchor="middle" fill="#8b949e" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace" font-size="13">make demo</text>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace" font-size="${CELL.font}">
${drawn.filter(Boolean).join('\n')}
</g>
</svg>
`;
}

const shown = lines(run());
while (shown.at(-1)?.text === '') shown.pop();
writeFileSync(join(here, 'demo.svg'), svg(shown));
process.stderr.write(`docs/img/demo.svg: ${shown.length} lines\n`);
