// SPDX-License-Identifier: GPL-3.0-or-later
// How exact the gradients are: ours against tfjs's CPU backend and against finite differences in double precision.
import { gather } from '../../../keepers/learning/data/dataset.ts'
import { createEngine } from '../../../keepers/learning/engine/backend.ts'
import { activate } from '../../../keepers/learning/engine/tfjs.ts'
import { type BackendName, type DatasetPair, initialWeights, modelSpec } from '../../../keepers/learning/index.ts'
import { loadTfjs, type TfjsModule } from '../../../keepers/learning/model/tfjs-model.ts'
import { SeededRandom } from '../../../keepers/learning/random.ts'
import { referenceLoss, relativeError } from '../../../test/keepers/learning/reference.ts'
import type { BenchContext } from '../harness.ts'

export async function gradients(context: BenchContext, data: DatasetPair): Promise<void> {
  for (const name of ['small-cnn', 'article-cnn', 'mlp', 'logistic'] as const) {
    const spec = modelSpec(name)
    const weights = initialWeights(spec, 2)
    const inputs = new Float32Array(8 * 784)
    const labels = new Int32Array(8)
    gather(data.train, null, 0, 8, { inputs, labels, targets: new Float32Array(0) })
    const on = async (backend: BackendName) => {
      const engine = await createEngine(spec, backend)
      engine.setWeights(weights)
      const batch = engine.stage(8)
      batch.inputs.set(inputs)
      batch.labels.set(labels)
      return engine.gradient(8).gradient
    }
    const fused = await on('fused')
    const record = (metric: string, value: number, note: string) =>
      context.record({ metric: `learning.gradient.${name}.${metric}`, value, unit: 'ratio', note })
    record('fused-vs-cpu', relativeError(fused, await on('tfjs-cpu')), 'largest error / largest gradient')
    record(
      'wasm-vs-cpu',
      relativeError(await on('tfjs-wasm'), await on('tfjs-cpu')),
      'largest error / largest gradient',
    )
    const exact = Float64Array.from(weights)
    const random = new SeededRandom(4)
    const scale = fused.reduce((top, g) => Math.max(top, Math.abs(g)), 0)
    let worst = 0
    for (let i = 0; i < (context.quick ? 10 : 40); i++) {
      const at = random.below(spec.parameterCount)
      const held = exact[at]!
      const lossAt = (step: number) => {
        exact[at] = held + step
        return referenceLoss(spec, exact, inputs, labels)
      }
      const slope = (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6
      exact[at] = held
      worst = Math.max(worst, Math.abs(slope - fused[at]!) / scale)
    }
    record('fused-vs-differences', worst, 'central differences in double precision')
  }
  await suppliedKernels(context)
}

async function suppliedKernels(context: BenchContext): Promise<void> {
  const tf = await loadTfjs()
  await activate(tf, 'tfjs-cpu')
  await activate(tf, 'tfjs-wasm')
  const random = new SeededRandom(6)
  const noise = (length: number) => Float32Array.from({ length }, () => random.normal())
  const [images, filters, depth] = [noise(4 * 12 * 12 * 3), noise(3 * 3 * 3 * 5), noise(3 * 3 * 3 * 2)]
  type Four = [number, number, number, number]
  const image = (tf: TfjsModule) =>
    tf.tensor(images, [4, 12, 12, 3] satisfies Four) as ReturnType<TfjsModule['tensor4d']>
  const four = (tf: TfjsModule, values: Float32Array, shape: Four) => tf.tensor4d(values, shape)
  const bodies: Record<string, () => { dataSync(): ArrayLike<number> }> = {
    Conv2DBackpropFilter: () =>
      tf.grad((w) => tf.square(tf.conv2d(image(tf), w as ReturnType<typeof image>, [1, 2], 'same')))(
        four(tf, filters, [3, 3, 3, 5]),
      ),
    DepthwiseConv2dNativeBackpropFilter: () =>
      tf.grad((w) => tf.square(tf.depthwiseConv2d(image(tf), w as ReturnType<typeof image>, 1, 'same')))(
        four(tf, depth, [3, 3, 3, 2]),
      ),
    DepthwiseConv2dNativeBackpropInput: () =>
      tf.grad((x) =>
        tf.square(tf.depthwiseConv2d(x as ReturnType<typeof image>, four(tf, depth, [3, 3, 3, 2]), 1, 'same')),
      )(image(tf)),
    MaxPoolGrad: () => tf.grad((x) => tf.square(tf.maxPool(x as ReturnType<typeof image>, 3, 2, 'same')))(image(tf)),
    UnsortedSegmentSum: () =>
      tf.unsortedSegmentSum(tf.tensor2d(images.subarray(0, 24), [6, 4]), tf.tensor1d([2, 0, 2, 4, 1, 2], 'int32'), 5),
  }
  for (const [kernel, body] of Object.entries(bodies)) {
    const on = async (backend: 'tfjs-wasm' | 'tfjs-cpu') => {
      await activate(tf, backend)
      return tf.tidy(() => Array.from(body().dataSync()))
    }
    context.record({
      metric: `learning.gradient.${kernel}`,
      value: relativeError(await on('tfjs-wasm'), await on('tfjs-cpu')),
      unit: 'ratio',
      note: 'WASM against the CPU backend',
    })
  }
}
