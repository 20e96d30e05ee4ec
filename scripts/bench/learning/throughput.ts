// SPDX-License-Identifier: GPL-3.0-or-later
// Training throughput of our path beside tfjs's backends, and memory over a thousand steps.
import { gather } from '../../../keepers/learning/data/dataset.ts'
import { createEngine } from '../../../keepers/learning/engine/backend.ts'
import { activate } from '../../../keepers/learning/engine/tfjs.ts'
import { type BackendName, type DatasetPair, initialWeights, modelSpec } from '../../../keepers/learning/index.ts'
import { loadTfjs } from '../../../keepers/learning/model/tfjs-model.ts'
import { type BenchContext, timeBeside } from '../harness.ts'

const BATCH = 32
const MODELS = ['small-cnn', 'article-cnn'] as const

/** Our Adam steps on a fixed batch; returns a body that takes `steps` of them. */
async function ourSteps(name: (typeof MODELS)[number], backend: BackendName, data: DatasetPair, steps: number) {
  const spec = modelSpec(name)
  const engine = await createEngine(spec, backend)
  engine.setWeights(initialWeights(spec, 1))
  engine.beginUpdates({ optimizer: { kind: 'adam', learningRate: 1e-3 } })
  let step = 0
  return () => {
    for (let i = 0; i < steps; i++) {
      gather(data.train, null, (step * BATCH) % (data.train.count - BATCH), BATCH, engine.stage(BATCH))
      engine.trainStep(BATCH, step)
      step += 1
    }
  }
}

/** tfjs as its users train: a compiled LayersModel and trainOnBatch, on its stock backend. */
async function stockSteps(name: (typeof MODELS)[number], backend: 'tfjs-cpu' | 'tfjs-node', data: DatasetPair) {
  const tf = await loadTfjs()
  await activate(tf, backend)
  const topology = modelSpec(name).topology as object
  const model = await tf.loadLayersModel({ load: async () => ({ modelTopology: topology }) })
  model.compile({ optimizer: tf.train.adam(1e-3), loss: 'sparseCategoricalCrossentropy' })
  const inputs = new Float32Array(BATCH * 784)
  const labels = new Int32Array(BATCH)
  gather(data.train, null, 0, BATCH, { inputs, labels, targets: new Float32Array(0) })
  return async () => {
    await activate(tf, backend)
    const x = tf.tensor4d(inputs, [BATCH, 28, 28, 1])
    const y = tf.tensor2d(Float32Array.from(labels), [BATCH, 1])
    await model.trainOnBatch(x, y)
    tf.dispose([x, y])
  }
}

export async function throughput(context: BenchContext, data: DatasetPair): Promise<void> {
  const runs = context.quick ? 3 : 9
  for (const name of MODELS) {
    const cpu = await stockSteps(name, 'tfjs-cpu', data)
    for (const [backend, steps] of [
      ['fused', 60],
      ['tfjs-wasm', 6],
    ] as const) {
      const body = await ourSteps(name, backend, data, steps)
      const ours =
        backend === 'fused'
          ? body
          : async () => {
              await activate(await loadTfjs(), backend)
              body()
            }
      const timing = await timeBeside(ours, cpu, { warmup: 2, runs })
      const rate = (milliseconds: number, count: number) => (1000 * count * BATCH) / milliseconds
      const value = rate(timing.ours.median, steps)
      context.record({
        metric: `learning.train.${name}.${backend}`,
        value,
        unit: 'samples/s',
        peer: 'tfjs CPU backend',
        peerValue: rate(timing.peer.median, 1),
        spread: (value * timing.ours.spread) / timing.ours.median,
        note: `batch ${BATCH}, Adam`,
      })
    }
    const native = await stockSteps(name, 'tfjs-node', data).catch(() => null)
    if (native === null) {
      context.progress('tfjs-node is not installed: no row for it')
      continue
    }
    const timing = await timeBeside(native, await ourSteps(name, 'fused', data, 1), { warmup: 5, runs: 10 * runs })
    context.record({
      metric: `learning.train.${name}.tfjs-node`,
      value: (1000 * BATCH) / timing.ours.median,
      unit: 'samples/s',
      peer: 'ours, fused',
      peerValue: (1000 * BATCH) / timing.peer.median,
    })
  }
}

export async function memory(context: BenchContext, data: DatasetPair): Promise<void> {
  const steps = context.quick ? 200 : 1000
  const fused = await ourSteps('article-cnn', 'fused', data, steps)
  fused()
  const before = process.memoryUsage().arrayBuffers
  fused()
  const growth = Math.max(0, process.memoryUsage().arrayBuffers - before)
  context.record({ metric: 'learning.memory.fused.growth', value: growth, unit: 'bytes', note: `over ${steps} steps` })
  const tf = await loadTfjs()
  const body = await ourSteps('small-cnn', 'tfjs-wasm', data, steps)
  const warm = await ourSteps('small-cnn', 'tfjs-wasm', data, 1)
  warm()
  const tensors = tf.memory().numTensors
  body()
  context.record({
    metric: 'learning.memory.tfjs-wasm.growth',
    value: tf.memory().numTensors - tensors,
    unit: 'count',
    note: `tensors, over ${steps} steps`,
  })
}
