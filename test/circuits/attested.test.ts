// SPDX-License-Identifier: GPL-3.0-or-later
// Samples that a device signed, in a circuit: what it sums up is theirs, in their order, each once.
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { sensorInputs } from '../../keepers/apps/sensors/circuit.ts'
import {
  commitSamples,
  DeviceTree,
  packSummary,
  SAMPLE_TAG,
  type SignedSample,
  samplesHeader,
  signSample,
  summaryOf,
} from '../../keepers/apps/sensors/samples.ts'
import { eddsaPublicKey, eddsaSign } from '../../keepers/zkml/circuit/eddsa.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { poseidon } from '../../keepers/zkml/circuit/poseidon.ts'
import type { CircuitInputs } from '../../keepers/zkml/circuit/witness.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES, mainOf } from './gadget.ts'

const SHAPE = { samples: 2, depth: 3 }
const seedOf = (device: number) => new Uint8Array(32).fill(device + 1)
const keys = [0, 1, null, 3, 4].map((device) => (device === null ? null : eddsaPublicKey(seedOf(device))))
const tree = new DeviceTree(keys, SHAPE.depth)

describe('attested samples', function () {
  this.timeout(120_000)
  let circuit: Circuit
  const signed = (...readings: [number, number][]): SignedSample[] =>
    readings.map(([counter, value]) => signSample(seedOf(3), { counter, value }))
  const given = (changes: object = {}) => ({
    tree,
    device: 3,
    samples: signed([10, 215], [17, 201]),
    salt: 99n,
    context: 5n,
    ...changes,
  })
  const refused = (inputs: CircuitInputs, what: string) =>
    expect(() => circuit.witness(inputs), what).to.throw(CircuitError, /constraint/)
  before(async () => {
    const parameters = [SHAPE.samples, SHAPE.depth, samplesHeader(SHAPE.samples), SAMPLE_TAG]
    circuit = await Circuit.compile(mainOf('attested_samples', 'AttestedSamples', parameters, ['context']), {
      name: 'attested',
    })
  })

  it('says of signed samples what TypeScript says of them', () => {
    const about = given()
    const witness = circuit.witness(sensorInputs(SHAPE, about))
    expect(circuit.system.firstViolation(witness)).to.equal(null)
    expect(circuit.value(witness, 'devices')).to.equal(tree.root)
    expect(circuit.value(witness, 'samples')).to.equal(commitSamples(about.samples, 99n))
    expect(summaryOf(3, about.samples)).to.deep.equal({
      device: 3,
      count: 2,
      first: 10,
      last: 17,
      min: 201,
      max: 215,
      sum: 416,
    })
    expect(circuit.value(witness, 'summary')).to.equal(packSummary(summaryOf(3, about.samples)))
  })

  it('takes the edges: counters and values of all their bits', () => {
    const samples = signed([2 ** 48 - 2, 2 ** 32 - 1], [2 ** 48 - 1, 0])
    const witness = circuit.witness(sensorInputs(SHAPE, given({ samples })))
    expect(circuit.value(witness, 'summary')).to.equal(packSummary(summaryOf(3, samples)))
  })

  it('refuses a forged signature, a replay, counters that do not rise, and values that overflow', () => {
    const good = sensorInputs(SHAPE, given())
    refused({ ...good, value: [216n, 201n] }, 'a value that was not signed')
    refused({ ...good, counter: [11n, 17n] }, 'a counter that was not signed')
    // The witness of whoever skips what TypeScript checks first.
    const raw = (pairs: [bigint, bigint][], seed = seedOf(3)): CircuitInputs => {
      const signatures = pairs.map(([counter, value]) =>
        eddsaSign(seed, poseidon([SAMPLE_TAG, field(counter), field(value)])),
      )
      return {
        ...good,
        counter: pairs.map(([counter]) => field(counter)),
        value: pairs.map(([, value]) => field(value)),
        Rx: signatures.map(({ R }) => R[0]),
        Ry: signatures.map(({ R }) => R[1]),
        S: signatures.map(({ S }) => S),
      }
    }
    expect(
      circuit.system.firstViolation(
        circuit.witness(
          raw([
            [1n, 2n],
            [2n, 2n],
          ]),
        ),
      ),
    ).to.equal(null)
    refused(
      raw([
        [1n, 2n],
        [1n, 2n],
      ]),
      'the same sample twice',
    )
    refused(
      raw([
        [2n, 2n],
        [1n, 2n],
      ]),
      'out of order',
    )
    refused(
      raw([
        [1n, 2n],
        [2n ** 48n, 2n],
      ]),
      'a counter that is too large',
    )
    refused(
      raw([
        [-1n, 2n],
        [0n, 2n],
      ]),
      'a negative counter',
    )
    refused(
      raw([
        [1n, 2n ** 32n],
        [2n, 2n],
      ]),
      'a value that is too large',
    )
    refused(
      raw([
        [1n, -1n],
        [2n, 2n],
      ]),
      'a negative value',
    )
    // Without its own key in the tree, a device of the liar’s gives another root.
    const own = circuit.witness({
      ...raw(
        [
          [1n, 2n],
          [2n, 2n],
        ],
        seedOf(9),
      ),
      keyX: eddsaPublicKey(seedOf(9))[0],
      keyY: eddsaPublicKey(seedOf(9))[1],
    })
    expect(circuit.value(own, 'devices')).to.not.equal(tree.root)
  })

  it('without the check that counters rise, one sample counts twice', async () => {
    const library = await readFile('circuits/lib/attested_samples.circom', 'utf8')
    const rule = 'rises[i - 1].in <== counter[i] - counter[i - 1];'
    expect(library.split(rule)).to.have.length(2)
    const open = library.replace(rule, 'rises[i - 1].in <== 1;')
    const parameters = [SHAPE.samples, SHAPE.depth, samplesHeader(SHAPE.samples), SAMPLE_TAG]
    const forging = await Circuit.compile(
      `${open}\ncomponent main {public [context]} = AttestedSamples(${parameters.join(', ')});\n`,
      { name: 'attested-open' },
    )
    const [one] = signed([10, 215])
    const twice = { counter: [10n, 10n], value: [215n, 215n] }
    const both = (value: bigint) => [value, value]
    const { R, S } = one!.signature
    const inputs = { ...sensorInputs(SHAPE, given()), ...twice, Rx: both(R[0]), Ry: both(R[1]), S: both(S) }
    expect(forging.system.firstViolation(forging.witness(inputs))).to.equal(null)
    refused(inputs, 'with the check')
  })

  it('names what is wrong before a proof is tried', () => {
    const of = (changes: object) => () => sensorInputs(SHAPE, given(changes))
    expect(of({ device: 2 })).to.throw(/there is no device 2/)
    expect(of({ device: 1 })).to.throw(/sample 0: the signature is not the device’s/)
    expect(of({ samples: signed([1, 2]) })).to.throw(/1 samples, the circuit takes 2/)
    expect(of({ samples: signed([2, 2], [2, 3]) })).to.throw(/sample 1: counter 2 does not rise/)
    expect(() => signed([0.5, 2])).to.throw(/counter is 0.5/)
    expect(() => signed([1, 2 ** 32])).to.throw(/value is 4294967296/)
    expect(() => new DeviceTree([[1n, 1n]], 3)).to.throw(/device 0: not a key/)
    expect(() => new DeviceTree(new Array(9).fill(keys[0]!), 3)).to.throw(/9 devices/)
  })

  it('leaves nothing open but what no signature closes, and refuses mutations', () => {
    const witness = circuit.witness(sensorInputs(SHAPE, given()))
    const assumed = [0, 1].flatMap((i) => [253, 252].map((bit) => `signature[${i}].challenge.bit[${bit}]`))
    expect(circuit.open(...assumed)).to.deep.equal([])
    const random = seeded(8)
    const wires = circuit.derivedWires.filter(() => random() < 0.05)
    expectMutationsRefused(circuit, witness, wires, 300, random)
  })

  it('a device lies at one place of a tree: every place, and no inner node for a leaf', async () => {
    const small = await Circuit.instance('merkle-root-at-3')
    expect(small.system.header.constraints).to.equal(INSTANCES['merkle-root-at-3']!.constraints)
    expect(small.open()).to.deep.equal([])
    for (const [device, key] of keys.entries()) {
      if (key === null) continue
      const inputs = { leaf: poseidon([...key]), index: BigInt(device), sibling: tree.path(device) }
      expect(small.value(small.witness(inputs), 'root')).to.equal(tree.root)
      const moved = { ...inputs, index: BigInt(device ^ 1) }
      expect(small.value(small.witness(moved), 'root')).to.not.equal(tree.root)
      expect(() => small.witness({ ...inputs, index: 8n })).to.throw(CircuitError)
    }
  })
})
