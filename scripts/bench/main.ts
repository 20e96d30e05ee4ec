// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run bench -- <area>`: runs one area (or all) and prints a table; JSON goes to bench/results/<area>.json.
import { existsSync, globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { commandLine, refuse } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { type Bench, createContext, formatTable, RESULTS_DIR, writeResults } from './harness.ts'

const NOT_AREAS = new Set(['main', 'harness'])
const areas = globSync('*.ts', { cwd: import.meta.dirname })
  .map((file) => basename(file, '.ts'))
  .filter((name) => !NOT_AREAS.has(name))
  .sort()

const HELP = `usage: npm run bench -- <area|all> [subject…] [--quick] [--json] [--data DIR] [--out DIR]

  area        ${areas.join(', ')}
  subject     what of the area, where it has several (such as zkml article-cnn, services million-deep million-groups ten-million); the other rows of the file stay
  --quick     fewer runs and the smaller sizes; writes nothing unless --out is given
  --json      the rows as JSON on stdout instead of the table
  --data DIR  MNIST IDX files (default: ../shared/data/mnist when it is there)
  --out DIR   where the JSON goes (default: ${RESULTS_DIR})
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      data: { type: 'string' },
      out: { type: 'string' },
    },
  },
  HELP,
)
if (positionals.length === 0) refuse('say what to measure', HELP)
const [first, ...subjects] = positionals
const chosen = first === 'all' ? areas : [first!]
const unknown = chosen.find((area) => !areas.includes(area))
if (unknown !== undefined) refuse(`no bench area '${unknown}'`, HELP)

const neighbour = join(ROOT, '..', 'shared', 'data', 'mnist')
const dataDir = values.data ?? (existsSync(neighbour) ? neighbour : null)
const quick = values.quick === true
for (const area of chosen) {
  const { bench }: { bench: Bench } = await import(`./${area}.ts`)
  process.stderr.write(`${bench.area}: ${bench.summary}\n`)
  const context = createContext({ quick, args: subjects, dataDir })
  let whole = subjects.length === 0
  try {
    await bench.run(context)
  } catch (error) {
    whole = false
    throw error
  } finally {
    // The measurements before a failure took time, too.
    process.stdout.write(values.json ? `${JSON.stringify(context.rows)}\n` : `${formatTable(context.rows)}\n`)
    const out = values.out ?? (quick ? null : join(ROOT, RESULTS_DIR))
    if (out !== null) await writeResults(join(out, `${area}.json`), area, context.rows, quick, !whole)
  }
}
