// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { MODEL_NAMES } from '../../../keepers/learning/index.ts'
import { DataPlane } from '../../../keepers/network/index.ts'
import {
  Coverage,
  decodeManifest,
  encodeManifest,
  exampleManifest,
  MAX_MANIFEST_BYTES,
  manifestCid,
  manifestDigest,
  openManifest,
  readManifestFile,
  type ServiceManifest,
  VersionError,
} from '../../../keepers/versions/index.ts'

const example = exampleManifest('logistic')
const text = new TextDecoder().decode(encodeManifest(example))
const bytesOf = (content: string): Uint8Array => new TextEncoder().encode(content)
/** The example as JSON with something changed. */
const changed = (change: (json: any) => void): Uint8Array => {
  const json = JSON.parse(text)
  change(json)
  return bytesOf(JSON.stringify(json))
}

function refusal(body: () => unknown): VersionError {
  try {
    body()
  } catch (error) {
    if (error instanceof VersionError) return error
    throw error
  }
  throw new Error('expected a VersionError')
}

describe('the service manifest', () => {
  it('has one canonical form, and its digest names its blob', async () => {
    for (const name of MODEL_NAMES) {
      const manifest = exampleManifest(name)
      const bytes = encodeManifest(manifest)
      expect(decodeManifest(bytes)).to.deep.equal(manifest)
      expect(manifestDigest(manifest)).to.equal(`0x${createHash('sha256').update(bytes).digest('hex')}`)
    }
    const shuffled = JSON.stringify(
      JSON.parse(text, (_key, value) => reversed(value)),
      null,
      2,
    )
    expect(shuffled).to.not.equal(text)
    expect(manifestDigest(decodeManifest(bytesOf(shuffled)))).to.equal(manifestDigest(example))
    expect(text).to.match(/^\{"format":"cohort\/manifest\/1","input":/)
  })

  it('divides the layers into groups, each into exactly one, or says what is wrong', async () => {
    const layerGroups = [
      { name: 'convolutions', layers: ['conv1', 'conv2'] },
      { name: 'head', layers: ['dense'] },
    ]
    const grouped = exampleManifest('small-cnn', { rounds: { layerGroups } })
    const { spec } = await openManifest(decodeManifest(encodeManifest(grouped)))
    expect(manifestDigest(grouped)).to.not.equal(manifestDigest(exampleManifest('small-cnn')))
    // The order decides about the rounds, so it is in the digest.
    const turned = exampleManifest('small-cnn', { rounds: { layerGroups: layerGroups.toReversed() } })
    expect(manifestDigest(turned)).to.not.equal(manifestDigest(grouped))
    const coverage = new Coverage(grouped.rounds, spec.parameters)
    expect(coverage.updateLength).to.equal(1290)
    expect([1, 2, 3].map((round) => coverage.of(round)!.name)).to.deep.equal(['convolutions', 'head', 'head'])
    expect(coverage.of(1)!.length + coverage.of(2)!.length).to.equal(spec.parameterCount)
    const whole = new Coverage({}, spec.parameters)
    expect([whole.updateLength, whole.of(1)]).to.deep.equal([spec.parameterCount, null])
    const wrong: [typeof layerGroups, RegExp][] = [
      [[layerGroups[0]!, { name: 'head', layers: ['dense', 'conv1'] }], /rounds\.layerGroups: conv1 is in/],
      [[layerGroups[0]!, { name: 'head', layers: ['conv2'] }], /rounds\.layerGroups: conv2 is in/],
      [[{ name: 'few', layers: ['conv1'] }, layerGroups[1]!], /rounds\.layerGroups: conv2: in no group/],
    ]
    for (const [groups, message] of wrong) {
      const bad = exampleManifest('small-cnn', { rounds: { layerGroups: groups } })
      const error = await openManifest(bad).then(
        () => null,
        (reason: unknown) => reason as VersionError,
      )
      expect(error?.code).to.equal('BAD_MANIFEST')
      expect(error?.message).to.match(message)
    }
    for (const few of [[], [layerGroups[0]!]]) {
      expect(
        refusal(() => decodeManifest(encodeManifest(exampleManifest('small-cnn', { rounds: { layerGroups: few } }))))
          .message,
      ).to.match(/rounds\.layerGroups/)
    }
    const named = [{ name: 'with spaces', layers: ['conv1', 'conv2'] }, layerGroups[1]!]
    const spaced = encodeManifest(exampleManifest('small-cnn', { rounds: { layerGroups: named } }))
    expect(refusal(() => decodeManifest(spaced)).message).to.match(/layerGroups\.0\.name/)
  })

  it('is published under the CID that follows from its digest alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-manifest-'))
    const plane = await DataPlane.start({ folder, identitySeed: new Uint8Array(32).fill(7) })
    try {
      expect(await plane.publish(encodeManifest(example))).to.equal(manifestCid(example))
    } finally {
      await plane.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('is another with any other term, class, seed, column or plan', () => {
    const others = [
      changed((json) => (json.rounds.clipBound = 2)),
      changed((json) => (json.rounds.strategy = { kind: 'fedavg', clip: 1 })),
      changed((json) => (json.rounds.privacy = { noiseMultiplier: 0.001, contributors: 4, colluders: 1, delta: 1e-6 })),
      changed((json) => json.task.classes.reverse()),
      changed((json) => (json.vote.holdOut = 0.2)),
      changed((json) => (json.model.initialSeed = 2)),
      changed((json) => (json.plan.layers.dense.fraction += 1)),
    ].map((bytes) => manifestDigest(decodeManifest(bytes)))
    expect(new Set([manifestDigest(example), ...others]).size).to.equal(others.length + 1)
  })

  it('is refused in one line that names the field when it is not whole, or says something else', () => {
    const wrong: [Uint8Array, RegExp][] = [
      [bytesOf('{'), /m: not JSON/],
      [Uint8Array.of(0x22, 0xff, 0x22), /m: not JSON in UTF-8/],
      [new Uint8Array(MAX_MANIFEST_BYTES + 1), /m: 1048577 bytes, at most 1048576 are allowed/],
      [bytesOf(text.replace('"clipNorm":20', '"clipNorm":1e999')), /rounds\.clipNorm: Infinity is not a finite number/],
      [bytesOf(`${'['.repeat(3000)}${']'.repeat(3000)}`), /nested more than 64 deep/],
      [
        bytesOf(JSON.stringify(example).replace('{', '{"name": "another", "name": "one more",')),
        /it names "name" twice/,
      ],
      [changed((json) => (json.profile = 1)), /unknown key "profile"/],
      [changed((json) => (json.rounds.clipNrom = 1)), /unknown key "rounds\.clipNrom"/],
      [changed((json) => (json.plan.extra = 1)), /plan\.extra: unknown, or left to a default/],
      [
        changed((json) => (json.rounds.privacy = { noiseMultiplier: 0.01, contributors: 4 })),
        /rounds\.privacy\.\w+: .*state it/,
      ],
      [
        changed((json) => (json.rounds.privacy = { noiseMultiplier: 9, contributors: 4, colluders: 1, delta: 1e-6 })),
        /rounds\.clipBound: 1 leaves no room/,
      ],
      [changed((json) => delete json.rounds.clipBound), /rounds\.clipBound: /],
      [changed((json) => (json.task.classes = ['a', 'a'])), /task\.classes: names one class twice/],
      [changed((json) => (json.task.kind = 'ranking')), /task\.kind/],
      [changed((json) => (json.format = 'cohort/manifest/2')), /format/],
      [changed((json) => (json.plan.mode = 'released')), /plan\.mode: released, a service's weights need committed/],
      [
        changed((json) => (json.input = { kind: 'table', shape: [2], features: ['a'], label: 'b', delimiter: ',' })),
        /input\.shape: \[2\] for the 1 features/,
      ],
      [
        changed((json) => (json.input = { kind: 'table', shape: [1], features: ['a'], label: 'a', delimiter: ',' })),
        /input\.label: 'a' is also a feature/,
      ],
    ]
    for (const [bytes, message] of wrong) {
      const error = refusal(() => decodeManifest(bytes, 'm'))
      expect(error.code).to.equal('BAD_MANIFEST')
      expect(error.message).to.match(message)
      expect(error.message).to.not.contain('\n')
    }
  })

  it('is refused when its digest is not the one that was asked for', () => {
    const digest = manifestDigest(example)
    expect(decodeManifest(encodeManifest(example), 'm', digest)).to.deep.equal(example)
    const error = refusal(() =>
      decodeManifest(
        changed((json) => (json.name = 'other')),
        'm',
        digest,
      ),
    )
    expect([error.code, error.exitCode]).to.deep.equal(['WRONG_MANIFEST', 78])
    expect(error.message).to.match(new RegExp(`m: it hashes to 0x[0-9a-f]{64}, the service's manifest to ${digest}`))
  })

  it('is read from a file however that is laid out, and a missing file is named', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-manifest-'))
    try {
      const file = join(folder, 'manifest.json')
      writeFileSync(file, JSON.stringify(JSON.parse(text), null, 2))
      expect(readManifestFile(file, manifestDigest(example))).to.deep.equal(example)
      const missing = refusal(() => readManifestFile(join(folder, 'none.json')))
      expect([missing.code, missing.exitCode]).to.deep.equal(['NO_MANIFEST', 78])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('cannot ask a reader for gigabytes in a few bytes', async () => {
    const text = new TextDecoder().decode(encodeManifest(example)).replace('"units":10', '"units":1000000000')
    const before = process.memoryUsage().rss
    const error = await openManifest(decodeManifest(bytesOf(text))).catch((caught: unknown) => caught)
    expect((error as Error).message).to.match(
      /model\.topology: model logistic: 785000000000 parameters; at most \d+ are supported/,
    )
    expect(process.memoryUsage().rss - before).to.be.below(100e6)
  })

  it('has a model that can be proven, or is refused', async () => {
    const { spec } = await openManifest(example)
    expect(spec.parameterCount).to.equal(7850)
    const wrong: [Partial<ServiceManifest>, RegExp][] = [
      [{ model: { ...example.model, specHash: '0'.repeat(64) } }, /model\.specHash: 0{64}, but the topology's is/],
      [{ input: { kind: 'picture', shape: [8, 8, 1] } }, /input\.shape: \[8,8,1\], but the model takes \[28,28,1\]/],
      [
        { task: { kind: 'classification', classes: ['a', 'b'] } },
        /task\.classes: 2 names, but the model has 10 outputs/,
      ],
      [
        { plan: exampleManifest('small-cnn').plan },
        /plan: the model has no provable form by it .*calibrate one for it/,
      ],
      [
        { model: { ...example.model, topology: { class_name: 'Sequential', config: { layers: [{}] } } } },
        /model\.topology: /,
      ],
    ]
    for (const [part, message] of wrong) {
      const error = await openManifest({ ...example, ...part }).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(VersionError)
      expect((error as VersionError).message).to.match(message)
      expect((error as VersionError).message).to.not.contain('\n')
    }
  })
})

function reversed(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).reverse())
}
