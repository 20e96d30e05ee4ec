// SPDX-License-Identifier: GPL-3.0-or-later
// Whether an ONNX file's meaning is the one it gets: random graphs of every operator beside onnxruntime, onnx's own backend
// tests, and real models by their paths; how long reading takes.
//
// Metrics: import.fuzz.{equal,refused,wrong,unclear,only-we}, import.classical.{the same}, import.onnx-tests.{equal,refused,wrong,unclear,operators-equal,operators},
// import.{chain.<operators>,architecture.<name>,model.<file>}.{time,processor,memory}, import.models.{read,refused,unclear}, import.examples.{models,imported,calibrated,verified,late,unclear},
// import.example.<name>.{verified,constraints,error,agreement}. `only-we`: we computed what onnxruntime refuses.
// onnx's tests run where `python3 -c "import onnx"` does; models where COHORT_ONNX_MODELS names folders of .onnx files;
// examples where COHORT_ONNX_EXAMPLES names a folder of <name>/network.onnx with <name>/input.json, such as EZKL's examples/onnx.
import { execFile, spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { CompileError, importModelFile } from '../../keepers/zkml/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { type Bench, type BenchContext, type BenchRow, RESULTS_DIR } from './harness.ts'
import { measureExamples } from './import/examples.ts'
import { fuzzModels, fuzzOperators } from './import/fuzz.ts'
import { measureTimes, reading, recordReading } from './import/times.ts'
import { judge, type Verdict } from './import/verdict.ts'

const GRAPHS = { whole: 5000, quick: 300 }

export const bench: Bench = {
  area: 'import',
  summary: 'ONNX files against onnxruntime and onnx itself: equal, refused by name, wrong, unclear; time of reading',
  async run(context) {
    const only = context.args[0]
    const wanted = (name: string) => only === undefined || only === name
    if (wanted('fuzz')) await fuzz(context)
    if (wanted('classical')) await fuzzClassical(context)
    if (wanted('onnx-tests')) await backendTests(context)
    if (wanted('times')) await measureTimes(context)
    if (wanted('models')) await models(context)
    if (wanted('examples')) await examples(context)
  },
}

async function fuzz(context: BenchContext): Promise<void> {
  const graphs = context.quick ? GRAPHS.quick : GRAPHS.whole
  const counts: Record<string, number> = { equal: 0, refused: 0, wrong: 0, unclear: 0, 'only-we': 0 }
  for await (const { seed, verdict, why, model } of fuzzOperators(1, graphs)) {
    counts[verdict]!++
    if (seed % 500 === 0) context.progress(`graph ${seed} of ${graphs}`)
    if (verdict !== 'equal' && verdict !== 'refused')
      context.progress(`seed ${seed} ${verdict}: ${why} (${model.nodes.map(({ op }) => op).join(', ')})`)
  }
  record(context, 'import.fuzz', counts, `of ${graphs} random graphs, beside onnxruntime-web`)
}

async function fuzzClassical(context: BenchContext): Promise<void> {
  const models = context.quick ? GRAPHS.quick : GRAPHS.whole
  const counts: Record<string, number> = { equal: 0, refused: 0, wrong: 0, unclear: 0, 'only-we': 0 }
  for await (const { seed, verdict, why, model } of fuzzModels(1, models)) {
    counts[verdict]!++
    if (verdict !== 'equal' && verdict !== 'refused')
      context.progress(`model ${seed} ${verdict}: ${why} (${model.nodes.map(({ op }) => op).join(', ')})`)
  }
  record(context, 'import.classical', counts, `of ${models} random models of ai.onnx.ml, beside onnxruntime-web`)
}

async function backendTests(context: BenchContext): Promise<void> {
  const installed = await promisify(execFile)('python3', ['-c', 'import onnx']).then(
    () => true,
    () => false,
  )
  if (!installed) {
    context.progress("onnx's own tests are left out: python3 has no onnx (pip install onnx)")
    return
  }
  const python = spawn('python3', [join(ROOT, 'scripts/onnx/node-tests.py')], { stdio: ['ignore', 'pipe', 'ignore'] })
  const counts: Record<Verdict, number> = { equal: 0, refused: 0, wrong: 0, unclear: 0 }
  const operators = new Map<string, boolean>()
  for await (const line of createInterface({ input: python.stdout })) {
    const test = JSON.parse(line)
    if (test.leftOut !== undefined) continue
    const { verdict, why } = judge(Buffer.from(test.model, 'base64'), test.values, test.expected, test.tolerance)
    counts[verdict]++
    for (const name of test.operators) operators.set(name, (operators.get(name) ?? false) || verdict === 'equal')
    if (verdict === 'wrong' || verdict === 'unclear')
      context.progress(`${test.name}, input ${test.input}, ${verdict}: ${why}`)
  }
  record(context, 'import.onnx-tests', counts, "of onnx's backend tests, once for each input and output")
  const equal = [...operators.values()].filter(Boolean).length
  context.record({ metric: 'import.onnx-tests.operators-equal', value: equal, unit: 'count', note: 'in some test' })
  context.record({ metric: 'import.onnx-tests.operators', value: operators.size, unit: 'count' })
}

async function models(context: BenchContext): Promise<void> {
  const folders = process.env.COHORT_ONNX_MODELS
  if (folders === undefined) {
    context.progress('real models are left out: COHORT_ONNX_MODELS names no folders')
    return
  }
  const counts = { read: 0, refused: 0, unclear: 0 }
  for (const folder of folders.split(':'))
    for (const file of globSync('**/*.onnx', { cwd: folder })) {
      const path = join(folder, file)
      try {
        await importModelFile(path)
        counts.read++
        recordReading(context, `import.model.${file}`, await reading(path), folder)
      } catch (error) {
        counts[error instanceof CompileError ? 'refused' : 'unclear']++
        context.progress(`${file}: ${(error as Error).message.slice(0, 160)}`)
      }
    }
  record(context, 'import.models', counts, folders)
}

/** The results of an earlier run. */
async function rowsBefore(): Promise<readonly BenchRow[]> {
  const text = await readFile(join(ROOT, RESULTS_DIR, 'import.json'), 'utf8').catch(() => null)
  return text === null ? [] : JSON.parse(text).rows
}

async function examples(context: BenchContext): Promise<void> {
  const folder = process.env.COHORT_ONNX_EXAMPLES
  if (folder === undefined) {
    context.progress(
      'examples are left out: COHORT_ONNX_EXAMPLES names no folder of <name>/network.onnx and input.json',
    )
    return
  }
  await measureExamples(context, folder, context.args.slice(1), await rowsBefore())
}

function record(context: BenchContext, metric: string, counts: Readonly<Record<string, number>>, note: string): void {
  for (const [what, value] of Object.entries(counts))
    context.record({ metric: `${metric}.${what}`, value, unit: 'count', note })
}
