// SPDX-License-Identifier: GPL-3.0-or-later
// How long it takes to read a file, and how much memory: chains of 10,000 nodes, networks of well-known sizes, files of the owner.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Model, type Node, onnxFile } from '../../../test/keepers/zkml/import/onnx-file.ts'
import type { BenchContext } from '../harness.ts'
import { inceptionV3, mobileNetV2 } from './architectures.ts'
import type { Reading } from './read.ts'

const CHAIN = 10_000
/** A longer run is not just slow. */
const LIMIT_MS = 120_000

type Link = Pick<Node, 'op' | 'attributes'> & {
  /** Inputs of the node; `x` stands for the output of the node before. */
  readonly inputs: readonly string[]
}

/** Nodes in turn, again and again. */
const CHAINS: Readonly<Record<string, readonly Link[]>> = {
  Add: [{ op: 'Add', inputs: ['x', 'c'] }],
  Mul: [{ op: 'Mul', inputs: ['x', 'c'] }],
  Relu: [{ op: 'Relu', inputs: ['x'] }],
  Transpose: [{ op: 'Transpose', inputs: ['x'] }],
  Identity: [{ op: 'Identity', inputs: ['x'] }],
  Reshape: [
    { op: 'Reshape', inputs: ['x', 'square'] },
    { op: 'Reshape', inputs: ['x', 'row'] },
  ],
  'Concat-Slice': [
    { op: 'Concat', inputs: ['x', 'x'], attributes: { axis: 1 } },
    { op: 'Slice', inputs: ['x', 'from', 'to', 'axis'] },
  ],
  'MatMul-Relu': [
    { op: 'MatMul', inputs: ['x', 'turn'] },
    { op: 'Relu', inputs: ['x'] },
  ],
  residual: [
    { op: 'Relu', inputs: ['x'] },
    { op: 'Add', inputs: ['x', 'first'] },
  ],
}

function chain(links: readonly Link[]): Model {
  const value = (i: number): string => (i < 0 ? 'first' : i === CHAIN - 1 ? 'last' : `v${i}`)
  const nodes = Array.from({ length: CHAIN }, (_, i): Node => {
    const { inputs, ...link } = links[i % links.length]!
    return { ...link, inputs: inputs.map((name) => (name === 'x' ? value(i - 1) : name)), outputs: [value(i)] }
  })
  const whole = (data: number[]) => ({ shape: [data.length], data, type: 'int64' as const })
  const constants = {
    c: { shape: [4], data: [1, 1, 0.5, -1] },
    turn: { shape: [4, 4], data: Array.from({ length: 16 }, (_, i) => (((i >> 2) + 1) % 4 === i % 4 ? 1 : 0)) },
    ...{ square: whole([1, 2, 2]), row: whole([1, 4]), from: whole([0]), to: whole([4]), axis: whole([1]) },
  }
  return { opset: 17, input: { name: 'first', shape: [1, 4] }, output: 'last', nodes, constants }
}

/** Reads a file in a process of its own. */
export async function reading(path: string): Promise<Reading> {
  const script = join(import.meta.dirname, 'read.ts')
  const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL' } as const
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, path],
    options,
  )
  return JSON.parse(stdout)
}

export function recordReading(context: BenchContext, metric: string, found: Reading, note: string): void {
  const { milliseconds, processorMs, peakBytes } = found
  context.record({ metric: `${metric}.time`, value: milliseconds, unit: 'ms', note })
  context.record({
    metric: `${metric}.processor`,
    value: processorMs,
    unit: 'ms',
    note: 'all threads, whatever else ran',
  })
  context.record({ metric: `${metric}.memory`, value: peakBytes, unit: 'bytes', note: 'peak of the process' })
}

export async function measureTimes(context: BenchContext): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-import-'))
  const measured = async (metric: string, model: Model, note: string): Promise<void> => {
    const path = join(folder, 'model.onnx')
    const file = onnxFile(model)
    await writeFile(path, file)
    const size = `${model.nodes.length} nodes, ${(file.length / 2 ** 20).toFixed(1)} MiB`
    recordReading(context, metric, await reading(path), `${note}, ${size}`)
  }
  try {
    for (const [name, links] of Object.entries(CHAINS)) await measured(`import.chain.${name}`, chain(links), 'a chain')
    await measured('import.architecture.mobilenet-v2', mobileNetV2(), 'random weights')
    await measured('import.architecture.inception-v3', inceptionV3(), 'random weights')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
