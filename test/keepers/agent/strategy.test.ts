// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import { AgentError, KEEPER_EXIT, parseConfig } from '../../../keepers/agent/index.ts'
import { HomeLayers, homeLayers, nextModel, openStrategy } from '../../../keepers/agent/strategy.ts'
import { modelSpec, StrategyModule, strategyHash } from '../../../keepers/learning/index.ts'
import {
  decodeManifest,
  decodeModelState,
  encodeManifest,
  encodeModel,
  exampleManifest,
  manifestDigest,
  type ServiceManifest,
  VersionError,
} from '../../../keepers/versions/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { vectorOf } from '../fhe/ceremony.ts'
import { roundStage } from './round-stage.ts'

const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')
const spec = modelSpec('small-cnn')
const momentum = readFileSync(join(ROOT, 'strategies/fedavgm.cjs'))

function manifestWith(
  source: Uint8Array,
  settings: NonNullable<ServiceManifest['strategy']>['settings'],
): ServiceManifest {
  return { ...exampleManifest('small-cnn'), strategy: { sha256: strategyHash(source), settings } }
}

describe('a strategy of the members` own', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-strategy-'))
    writeFileSync(join(folder, 'strategy.cjs'), momentum)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const configWith = (manifest: ServiceManifest, file?: string) =>
    parseConfig(
      file === undefined ? example : example.replace('  manifest: manifest.json', `$&\n  strategy: ${file}\n #`),
      folder,
      manifest,
    )

  it('is part of the manifest, and of its digest', () => {
    const manifest = manifestWith(momentum, { momentum: 0.5 })
    expect(decodeManifest(encodeManifest(manifest))).to.deep.equal(manifest)
    expect(manifestDigest(manifest)).not.to.equal(manifestDigest(exampleManifest('small-cnn')))
    expect(manifestDigest(manifest)).not.to.equal(manifestDigest(manifestWith(momentum, { momentum: 0.6 })))
    const both = { ...manifest, rounds: { ...manifest.rounds, strategy: { kind: 'fedavg' as const } } }
    expect(() => decodeManifest(encodeManifest(both))).to.throw(
      VersionError,
      /strategy: there is rounds\.strategy, too/,
    )
  })

  it('is refused before an epoch: another file, none, one too many, or settings that the module does not take', async () => {
    const agreed = manifestWith(momentum, { momentum: 0.5 })
    writeFileSync(join(folder, 'other.cjs'), `${momentum} `)
    const wrong: [ServiceManifest, string | undefined, RegExp][] = [
      [
        agreed,
        'other.cjs',
        /service\.strategy: .*other\.cjs: it hashes to [0-9a-f]{64}, members agreed on [0-9a-f]{64}: get that file/,
      ],
      [agreed, 'none.cjs', /service\.strategy: cannot read .*none\.cjs/],
      [exampleManifest('small-cnn'), 'strategy.cjs', /the manifest has no strategy: leave it out/],
      [manifestWith(momentum, { momentum: 2 }), 'strategy.cjs', /settings\.momentum: 2, takes 0 to below 1/],
    ]
    for (const [manifest, file, message] of wrong) {
      const error = await refusal(() => openStrategy(configWith(manifest, file), spec))
      expect(error.message).to.match(message).and.not.to.contain('\n')
      expect(error.exitCode).to.equal(KEEPER_EXIT.config)
    }
    // Without the key, strategy.cjs in the folder is the one; a folder without it has none.
    expect((await openStrategy(configWith(agreed), spec))!.terms.settings).to.deep.equal({ momentum: 0.5 })
    rmSync(join(folder, 'strategy.cjs'))
    const none = await refusal(() => openStrategy(configWith(agreed), spec))
    writeFileSync(join(folder, 'strategy.cjs'), momentum)
    expect(none.message).to.match(
      /service\.strategy: the manifest's strategy is a module with the hash [0-9a-f]{64}: name its file/,
    )
  })

  it('is refused when it weighs members and privacy has all weigh the same', async () => {
    const source = readFileSync(join(ROOT, 'strategies/q-fedavg.cjs'))
    writeFileSync(join(folder, 'fair.cjs'), source)
    const fair = manifestWith(source, { q: 1 })
    expect((await openStrategy(configWith(fair, 'fair.cjs'), spec))!.weighs).to.equal(true)
    const privacy = { noiseMultiplier: 0.1, contributors: 3, colluders: 1, delta: 1e-6 }
    const noisy = { ...fair, rounds: { ...fair.rounds, privacy, clipBound: 64 } }
    expect((await refusal(() => openStrategy(configWith(noisy, 'fair.cjs'), spec))).message).to.match(
      /privacy has all weigh the same/,
    )
  })

  it('is refused when it has control variates and rounds cover some layers each', async () => {
    const source = readFileSync(join(ROOT, 'strategies/scaffold.cjs'))
    writeFileSync(join(folder, 'scaffold.cjs'), source)
    const whole = manifestWith(source, { localRate: 0.8 })
    expect((await openStrategy(configWith(whole, 'scaffold.cjs'), spec))!.localRate).to.equal(0.8)
    const layerGroups = [
      { name: 'a', layers: ['conv1'] },
      { name: 'b', layers: ['conv2', 'dense'] },
    ]
    const grouped = { ...whole, rounds: { ...whole.rounds, layerGroups } }
    expect((await refusal(() => openStrategy(configWith(grouped, 'scaffold.cjs'), spec))).message).to.match(
      /control variates.*leave rounds\.layerGroups out/,
    )
  })

  it('gives two keepers the same blob, one of which took the model over instead of working it out', async () => {
    const manifest = manifestWith(momentum, { momentum: 0.5 })
    const opened = async () => ({
      manifest,
      strategy: await openStrategy(configWith(manifest, 'strategy.cjs'), spec),
    })
    const keepers = [await opened(), await opened()]
    const mean = Float64Array.from(vectorOf(spec.parameterCount, 3))
    const facts = { round: 1, contributors: 3, members: 4 }
    const start = { weights: Float32Array.from(vectorOf(spec.parameterCount, 1)), moments: [] }
    const first = await nextModel(keepers[0]!, start, mean, facts)
    const fetched = decodeModelState(encodeModel(first.weights, first.moments), spec.parameterCount)
    const blobs: Uint8Array[] = []
    for (const [i, before] of [first, fetched].entries()) {
      const { weights, moments } = await nextModel(keepers[i]!, before, mean, { ...facts, round: 2 })
      blobs.push(encodeModel(weights, moments))
    }
    expect(blobs[0]).to.deep.equal(blobs[1])
    // The momentum of the first round is in the second: without it the blob is another.
    const { weights, moments } = await nextModel(keepers[0]!, { ...first, moments: [] }, mean, { ...facts, round: 2 })
    expect(encodeModel(weights, moments)).not.to.deep.equal(blobs[0])
  })

  it('that weighs members is told the loss before training, and what it says is what the member declares', async () => {
    const stage = await roundStage({ members: 4, threshold: 3, self: 1 })
    try {
      stage.snapshot = { ...stage.snapshot, state: 'Training' }
      const source = readFileSync(join(ROOT, 'strategies/q-fedavg.cjs'))
      const terms = { sha256: strategyHash(source), settings: { q: 1, most: 4 } }
      const strategy = new StrategyModule(source, terms, [{ name: 'all', shape: [50], offset: 0, length: 50 }], 'fair')
      const asked: unknown[] = []
      const train = async (
        _weights: Float32Array,
        at: unknown,
        _training: unknown,
        options: { judge: boolean; state: unknown },
      ) => {
        asked.push({ at, judge: options.judge, state: options.state })
        return { weights: new Float32Array(50).fill(0.1), samples: 100, loss: 1, lossBefore: 2 }
      }
      const state = { weights: new Float32Array(50), moments: [] }
      Object.assign(stage.context, { strategy, model: { state: async () => state, accepted: null } })
      Object.assign(stage.context.trainer, { train })
      const declared: number[] = []
      Object.assign(stage.context.log, {
        info: (line: { event: string; samples: number }) => line.event === 'trained' && declared.push(line.samples),
      })
      await training(stage.step()).catch(() => undefined)
      const { epoch, round } = stage.snapshot
      expect(asked).to.deep.equal([{ at: { epoch, round }, judge: true, state: [] }])
      // Half of `most` is half of maxSamples, a thousand.
      expect(declared).to.deep.equal([500])
    } finally {
      stage.close()
    }
  })

  describe('that leaves layers at home', () => {
    it('trains this keeper`s own, keeps them among its secrets, and sends nothing of them', async () => {
      const stage = await roundStage({ members: 4, threshold: 3, self: 1 })
      try {
        stage.snapshot = { ...stage.snapshot, state: 'Training' }
        const global = new Float32Array(50).fill(0.25)
        const home = new HomeLayers(stage.store, [{ name: 'head/kernel', shape: [10], offset: 40, length: 10 }])
        const given: Float32Array[] = []
        const trained = new Float32Array(50).fill(0.5)
        const handed: Float32Array[] = []
        const train = async (weights: Float32Array) => {
          given.push(weights.slice())
          handed.push(trained.slice())
          return { weights: handed.at(-1)!, samples: 100, loss: 1 }
        }
        Object.assign(stage.context, {
          home,
          model: { state: async () => ({ weights: global, moments: [] }), accepted: null },
        })
        Object.assign(stage.context.trainer, { train })
        const norms: number[] = []
        Object.assign(stage.context.log, {
          info: (line: { event: string; norm: number }) => line.event === 'trained' && norms.push(line.norm),
        })
        await training(stage.step()).catch(() => undefined)
        expect(given[0]).to.deep.equal(global)
        // What is sent has moved by a quarter in forty entries, and not in the ten of home.
        expect(norms[0]).to.be.closeTo(Math.sqrt(40) / 4, 1e-6)
        const mine = home.over(global)
        expect([...mine.subarray(38)]).to.deep.equal([0.25, 0.25, ...Array(10).fill(0.5)])
        expect(global[45]).to.equal(0.25)
      } finally {
        stage.close()
      }
    })

    it('starts from the service`s own weights, and forgets layers of another model', () => {
      const secrets = new Map<string, Uint8Array>()
      const store = {
        getSecret: (name: string) => secrets.get(name) ?? null,
        putSecret: (name: string, value: Uint8Array) => void secrets.set(name, value),
      }
      const part = (length: number) => new HomeLayers(store, [{ name: 'x', shape: [length], offset: 1, length }])
      const global = Float32Array.of(1, 2, 3, 4)
      expect(part(2).over(global)).to.equal(global)
      part(2).take(Float32Array.of(5, 6, 7, 8), global)
      expect([...part(2).over(global)]).to.deep.equal([1, 6, 7, 4])
      expect(part(3).over(global)).to.equal(global)
      part(2).take(Float32Array.of(5, Number.NaN, 7, 8), global)
      expect([...part(2).over(global)]).to.deep.equal([1, 6, 7, 4])
      expect(homeLayers(store, null, spec).over(global)).to.equal(global)
    })
  })
})

async function refusal(body: () => Promise<unknown>): Promise<AgentError> {
  try {
    await body()
  } catch (error) {
    if (error instanceof AgentError) return error
    throw error
  }
  throw new Error('expected an AgentError')
}
