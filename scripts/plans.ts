// SPDX-License-Identifier: GPL-3.0-or-later
// `node scripts/plans.ts [model…]`: makes the plans of keepers/versions/plans anew. It trains each named model on MNIST's training
// pictures and calibrates it on training pictures; only the printed figures use the test pictures.

import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isModelName, loadMnist, MODEL_NAMES, type ModelName } from '../keepers/learning/index.ts'
import {
  accuracyOf,
  buildWithPlan,
  calibrate,
  floatScores,
  importModelFile,
  planToJson,
  programCost,
  programScores,
  writeAtomically,
} from '../keepers/zkml/index.ts'
import { commandLine, refuse } from './arguments.ts'
import { pictures, trainedModel } from './bench/zkml/networks.ts'
import { ROOT } from './bootstrap/paths.mjs'

/** Long enough for weights to take their size; the headroom is for what later rounds add. */
const EPOCHS: Readonly<Record<ModelName, number>> = { 'article-cnn': 8, 'small-cnn': 4, mlp: 4, logistic: 4 }
/** Pictures that set the scales: the first of the training set. */
const CALIBRATION = 500
/** Sixteen greys, weights of eight bits, and room for later rounds' weights to grow fourfold. */
const KNOBS = { inputBits: 4, weightBits: { default: 8 }, headroom: 4 }
/** Five layers of unknown weights would pass 2^52 with the default of 8. */
const ACTIVATION_BITS: Readonly<Partial<Record<ModelName, number>>> = { 'article-cnn': 7 }

const HELP = `usage: node scripts/plans.ts [model…] [--data DIR] [--out DIR]

  model       ${MODEL_NAMES.join(', ')} (default: all)
  --data DIR  MNIST IDX files (default: ../shared/data/mnist when it is there, else downloaded)
  --test N    how many test pictures judge the plans (default: all)
  --out DIR   folder for the plans (default: keepers/versions/plans); a running service must keep the plan with which it began
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      test: { type: 'string' },
      out: { type: 'string' },
    },
  },
  HELP,
)
const unknown = positionals.find((name) => !isModelName(name))
if (unknown !== undefined) refuse(`no model '${unknown}'`, HELP)
const neighbour = join(ROOT, '..', 'shared', 'data', 'mnist')
const dir = values.data ?? (existsSync(neighbour) ? neighbour : undefined)
const out = values.out ?? join(ROOT, 'keepers', 'versions', 'plans')
const data = await loadMnist(dir === undefined ? {} : { dir })
const progress = (message: string) => void process.stderr.write(`  ${message}\n`)
await mkdir(out, { recursive: true })
for (const name of positionals.length > 0 ? (positionals as ModelName[]) : MODEL_NAMES) {
  const graph = await importModelFile(
    join(await trainedModel(name, data, { epochs: EPOCHS[name], progress }), 'model.json'),
  )
  const { plan } = calibrate(graph, pictures(data.train, 0, CALIBRATION).inputs, {
    mode: 'committed',
    knobs: { ...KNOBS, activationBits: { default: ACTIVATION_BITS[name] ?? 8 } },
    inputRange: { min: 0, max: 1 },
  })
  const { program, clipping } = buildWithPlan(graph, plan)
  if (clipping.length > 0) throw new Error(`${name}: weights that the plan was made from do not fit it`)
  await writeAtomically(join(out, `${name}.json`), planToJson(plan))
  const test = pictures(data.test, 0, Number(values.test ?? data.test.count))
  progress(`${name}: judging on ${test.inputs.length} test pictures`)
  const [float, quantised] = [floatScores(graph, test.inputs), programScores(program, test.inputs)].map((scores) =>
    (100 * accuracyOf(scores, test.labels)).toFixed(2),
  )
  const constraints = programCost({ ...program, output: { kind: 'margin' } }).total.toLocaleString('en-US')
  process.stdout.write(
    `${name}: float ${float} %, quantised ${quantised} %, ${constraints} constraints with a margin\n`,
  )
}
