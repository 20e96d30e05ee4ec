// SPDX-License-Identifier: GPL-3.0-or-later
// The general path: any LayersModel, differentiated by tfjs, updated by the same rule as the fused path.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as Tf from '@tensorflow/tfjs'
import { LearningError } from '../errors.ts'
import { Arena, loadKernel, type Pointer } from '../kernel/load.ts'
import { buildTfjsModel, loadTfjs, type TfjsModule } from '../model/tfjs-model.ts'
import { deriveSeed } from '../random.ts'
import type { BackendName, ModelSpec } from '../types.ts'
import type { BatchBuffers, BatchOutcome, Engine, UpdateSettings, UpdateState } from './engine.ts'
import { activate as activateOutputs, differentiate, hasTargets, lossOf } from './loss.ts'
import { registerMissingKernels } from './tfjs-kernels.ts'
import { UpdateRule } from './update-rule.ts'

type TfjsBackend = Exclude<BackendName, 'fused'>
const TFJS_NAMES: Record<TfjsBackend, string> = { 'tfjs-node': 'tensorflow', 'tfjs-wasm': 'wasm', 'tfjs-cpu': 'cpu' }

/** Throws NO_BACKEND when the backend cannot be loaded, BAD_MODEL when tfjs cannot build the model. */
export async function createTfjsEngine(spec: ModelSpec, backend: TfjsBackend): Promise<Engine> {
  const tf = await loadTfjs()
  await activate(tf, backend)
  const model = await buildTfjsModel(tf, spec.topology)
  return new TfjsEngine(tf, spec, backend, model, new Arena(await loadKernel()))
}

/** Loads a backend and makes it the current one. */
export async function activate(tf: TfjsModule, backend: TfjsBackend): Promise<void> {
  const refuse = (why: string, cause?: unknown) => new LearningError('NO_BACKEND', `${backend}: ${why}`, { cause })
  if (backend === 'tfjs-node') {
    try {
      // Optional native add-on; the name is not a literal, so that its absence is not a type error.
      const name: string = '@tensorflow/tfjs-node'
      await import(name)
    } catch (cause) {
      throw refuse('@tensorflow/tfjs-node is not installed', cause)
    }
  } else if (backend === 'tfjs-wasm') {
    const wasm = await import('@tensorflow/tfjs-backend-wasm')
    const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    if (tf.findBackend('wasm') == null) wasm.setWasmPaths(`${dirname(entry)}/`)
    registerMissingKernels(tf, await loadKernel())
  }
  const done = await tf.setBackend(TFJS_NAMES[backend]).catch((cause: unknown) => {
    throw refuse('tfjs cannot start it', cause)
  })
  if (!done) throw refuse('tfjs cannot start it')
  await tf.ready()
}

type Place = { readonly weights: Float32Array; readonly gradient: Float32Array }

class TfjsEngine implements Engine {
  readonly spec: ModelSpec
  readonly backend: TfjsBackend
  readonly #tf: TfjsModule
  readonly #model: Tf.LayersModel
  readonly #arena: Arena
  readonly #weights: Pointer
  readonly #gradient: Pointer
  readonly #rule: UpdateRule
  /** One per parameter, in the order of the flat vector. */
  readonly #variables: readonly Tf.Variable[]
  readonly #trainable: ReadonlySet<string>
  /** Names of the parameters that updates change; null when all do. */
  #only: ReadonlySet<string> | null = null
  #inputs = new Float32Array(0)
  #labels = new Int32Array(0)
  #targets = new Float32Array(0)

  constructor(tf: TfjsModule, spec: ModelSpec, backend: TfjsBackend, model: Tf.LayersModel, arena: Arena) {
    this.#tf = tf
    this.spec = spec
    this.backend = backend
    this.#model = model
    this.#arena = arena
    this.#weights = arena.allocate(spec.parameterCount)
    this.#gradient = arena.allocate(spec.parameterCount)
    this.#rule = new UpdateRule(arena, this.#weights, this.#gradient, spec.parameterCount)
    const byName = new Map(model.weights.map((weight) => [weight.originalName, variableOf(weight)]))
    this.#variables = spec.parameters.map(({ name }) => {
      const variable = byName.get(name)
      if (variable === undefined) throw new LearningError('BAD_MODEL', `tfjs built no parameter ${name}`)
      return variable
    })
    this.#trainable = new Set(model.trainableWeights.map((weight) => variableOf(weight).name))
  }

  getWeights(): Float32Array<ArrayBuffer> {
    return this.#arena.floats(this.#weights, this.spec.parameterCount).slice()
  }

  readWeights(to: Float32Array): void {
    to.set(this.#arena.floats(this.#weights, this.spec.parameterCount))
  }

  setWeights(weights: Float32Array): void {
    this.#arena.floats(this.#weights, this.spec.parameterCount).set(weights)
    this.#upload()
  }

  stage(count: number): BatchBuffers {
    const size = this.spec.inputShape.reduce((a, b) => a * b, 1)
    if (this.#labels.length < count) {
      this.#inputs = new Float32Array(count * size)
      this.#labels = new Int32Array(count)
      this.#targets = new Float32Array(count * this.spec.classes)
    }
    return {
      inputs: this.#inputs.subarray(0, count * size),
      labels: this.#labels.subarray(0, count),
      targets: this.#targets.subarray(0, count * this.spec.classes),
    }
  }

  beginUpdates(settings: UpdateSettings, state?: UpdateState): void {
    this.#only = settings.only === undefined ? null : new Set(settings.only.map(({ name }) => name))
    this.#rule.begin(settings, state)
  }

  trainStep(count: number, seed: number): BatchOutcome {
    const outcome = this.differentiate(count, seed, 1)
    this.applyGradient()
    return outcome
  }

  differentiate(count: number, seed: number, share: number): BatchOutcome {
    // tfjs draws dropout masks from Math.random unless the layer has a seed: give it one for this step.
    for (const [index, layer] of this.#model.layers.entries()) {
      if (layer.getClassName() === 'Dropout') (layer as { seed?: number }).seed = deriveSeed(seed, 0xd0, index)
    }
    const outcome = this.#differentiate(count, true)
    // The model itself updates statistics, such as in batch normalisation.
    this.#visit((variable, at) => {
      if (!this.#trainable.has(variable.name)) at.gradient.set(variable.dataSync() as Float32Array)
    })
    this.#rule.scale(share)
    return outcome
  }

  readGradient(to: Float32Array): void {
    to.set(this.#arena.floats(this.#gradient, this.spec.parameterCount))
  }

  addGradient(part: Float32Array): void {
    this.#rule.add(part)
  }

  applyGradient(): void {
    // The optimiser must not touch statistics: a norm that it clips by, for one, is not about them.
    const statistics: { readonly values: Float32Array; readonly index: number }[] = []
    this.#visit((variable, { gradient }, index) => {
      if (this.#trainable.has(variable.name)) return
      statistics.push({ values: gradient.slice(), index })
      gradient.fill(0)
    })
    this.#rule.apply()
    for (const { values, index } of statistics) {
      if (this.#only?.has(this.spec.parameters[index]!.name) !== false) this.#place(index).weights.set(values)
    }
    this.#upload()
  }

  gradient(count: number): BatchOutcome & { gradient: Float32Array } {
    const outcome = this.#differentiate(count, false)
    return { ...outcome, gradient: this.#arena.floats(this.#gradient, this.spec.parameterCount).slice() }
  }

  updateState(): UpdateState {
    return this.#rule.state()
  }

  predict(count: number): Float32Array<ArrayBuffer> {
    this.#makeCurrent()
    return this.#tf.tidy(() => {
      const logits = this.#model.apply(this.#inputTensor(count), { training: false }) as Tf.Tensor2D
      const loss = lossOf(this.spec)
      const outputs = hasTargets(loss) ? logits : this.#tf.softmax(logits)
      const values = outputs.dataSync().slice() as Float32Array<ArrayBuffer>
      activateOutputs(loss, values)
      return values
    })
  }

  dispose(): void {
    this.#makeCurrent()
    this.#model.dispose()
  }

  #differentiate(count: number, training: boolean): BatchOutcome {
    this.#makeCurrent()
    const tf = this.#tf
    const { classes: outputs } = this.spec
    return tf.tidy(() => {
      const x = this.#inputTensor(count)
      const { labels, targets } = this.stage(count)
      let outcome: BatchOutcome = { lossSum: Number.NaN, correct: 0 }
      const trained = this.#variables.filter(({ name }) => this.#trainable.has(name))
      const { grads } = tf.variableGrads(() => {
        const scores = this.#model.apply(x, { training }) as Tf.Tensor2D
        const logits = scores.dataSync() as Float32Array
        const slopes = new Float32Array(count * outputs)
        outcome = differentiate(lossOf(this.spec), { logits, labels, targets, count, outputs }, slopes)
        // Its derivative by the outputs is the loss's own, which is all that tfjs has to know of it.
        const pull = tf.sum(tf.mul(scores, tf.tensor2d(slopes, [count, outputs]))) as Tf.Scalar
        return tf.addN([pull, ...this.#model.calculateLosses()]) as Tf.Scalar
      }, trained)
      this.#arena.floats(this.#gradient, this.spec.parameterCount).fill(0)
      for (const [index, variable] of this.#variables.entries()) {
        const gradient = grads[variable.name]
        if (gradient === undefined) continue
        const { offset, length } = this.spec.parameters[index]!
        this.#arena.floats(this.#gradient + 4 * offset, length).set(gradient.dataSync() as Float32Array)
      }
      return outcome
    })
  }

  #inputTensor(count: number): Tf.Tensor {
    return this.#tf.tensor(this.stage(count).inputs.slice(), [count, ...this.spec.inputShape], 'float32')
  }

  /** tfjs has one current backend per process; another engine may have changed it. */
  #makeCurrent(): void {
    const name = TFJS_NAMES[this.backend]
    if (this.#tf.getBackend() === name) return
    // Synchronous in effect once the backend has started, which `activate` saw to.
    void this.#tf.setBackend(name)
    if (this.#tf.getBackend() !== name) throw new LearningError('NO_BACKEND', `${this.backend} is no longer available`)
  }

  /** A parameter's values and its gradient, in the kernel's memory. */
  #place(index: number): Place {
    const { offset, length } = this.spec.parameters[index]!
    const floats = (start: Pointer) => this.#arena.floats(start + 4 * offset, length)
    return { weights: floats(this.#weights), gradient: floats(this.#gradient) }
  }

  #visit(body: (variable: Tf.Variable, place: Place, index: number) => void): void {
    for (const [index, variable] of this.#variables.entries()) body(variable, this.#place(index), index)
  }

  #upload(): void {
    this.#makeCurrent()
    this.#tf.tidy(() => {
      this.#visit((variable, { weights }) => {
        variable.assign(this.#tf.tensor(weights.slice(), variable.shape, 'float32'))
      })
    })
  }
}

/** The tf.Variable inside a LayerVariable: gradients are keyed by its name. */
function variableOf(weight: Tf.LayersModel['weights'][number]): Tf.Variable {
  return (weight as unknown as { val: Tf.Variable }).val
}
