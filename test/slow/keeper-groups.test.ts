// SPDX-License-Identifier: GPL-3.0-or-later
// Four keepers of a service whose rounds cover a group of layers each; one of them leaves the last group to the others.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { groupOfRound, initialWeights, parametersIn } from '../../keepers/learning/index.ts'
import { cidFromHex, DataPlane } from '../../keepers/network/index.ts'
import { decodeModelState, modelBytes, specOf } from '../../keepers/versions/index.ts'
import { Cluster, clusterManifest, type ServiceEvent } from '../../scripts/cluster.ts'

const STAKE = 1000n * 10n ** 18n
const GROUPS = [
  { name: 'first', layers: ['conv1'] },
  { name: 'second', layers: ['conv2'] },
  { name: 'head', layers: ['dense'] },
]
/** Each group has a turn, and the second another one. */
const ROUNDS = 4
/** Seats are taken in any order: the keeper is found by the samples that it declares. */
const SMALL = 3

describe('four keepers whose rounds cover three groups of layers in turn', function () {
  this.timeout(900_000)
  const manifest = clusterManifest('small-cnn', { rounds: { minTotalSamples: 300, layerGroups: GROUPS } })
  let cluster: Cluster
  let folder: string
  let plane: DataPlane
  let events: ServiceEvent[]

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-groups-'))
    cluster = await Cluster.create({
      keepers: 4,
      manifest,
      windows: {
        registrationWindow: 60,
        keyWindow: 600,
        trainingWindow: 300,
        revealWindow: 300,
        aggregateWindow: 300,
        decryptWindow: 300,
        voteWindow: 300,
      },
      values: (index) => ({
        'network.fetchSeconds': 30,
        ...(index === SMALL ? { 'training.layerGroups': ['first', 'second'] } : {}),
      }),
    })
    for (const node of cluster.nodes) cluster.start(node)
    for (const node of cluster.nodes) await cluster.accepted(node, ROUNDS, 600_000)
    events = await cluster.events()
    plane = await DataPlane.start({ folder, identitySeed: new Uint8Array(32).fill(9) })
  })
  after(async () => {
    await plane?.stop()
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('complete every round, each by a model that differs in the round`s layers alone', async () => {
    const spec = await specOf(manifest)
    const started = cluster.lines.find(({ event }) => event === 'started')!
    const providers = [(started.addresses as string[])[0]!]
    let before: Float32Array = initialWeights(spec, manifest.model.initialSeed)
    for (let round = 1; round <= ROUNDS; round++) {
      const completed = events.find(({ name, args }) => name === 'UpdateCompleted' && Number(args.round) === round)
      expect(completed, `round ${round}`).to.not.equal(undefined)
      const cid = cidFromHex(String(completed!.args.cid))
      const bytes = await plane.fetch(cid, { maxBytes: modelBytes(spec.parameterCount), timeout: 60_000, providers })
      const { weights } = decodeModelState(bytes, spec.parameterCount)
      const moved = spec.parameters.filter(({ offset, length }) =>
        weights.subarray(offset, offset + length).some((value, i) => value !== before[offset + i]),
      )
      const covered = parametersIn(GROUPS[groupOfRound(3, round)]!, spec.parameters)
      expect(moved.map(({ name }) => name)).to.deep.equal(covered.map(({ name }) => name))
      before = weights
    }
  })

  it('one of them declares no samples in the rounds of the group that it leaves out, and loses nothing', async () => {
    const revealed = (round: number) =>
      events.filter(({ name, args }) => name === 'UpdateRevealed' && Number(args.round) === round)
    for (let round = 1; round <= ROUNDS; round++) {
      const empty = revealed(round).filter(({ args }) => Number(args.samples) === 0)
      expect(empty.length, `round ${round}`).to.equal(round === 3 ? 1 : 0)
      expect(revealed(round)).to.have.length(4)
    }
    const [small] = [cluster.nodes[SMALL]!]
    const ofSmall = cluster.lines.filter(({ node }) => node === small.name)
    expect(ofSmall.filter(({ event }) => event === 'sits out').map(({ round }) => round)).to.include(3)
    expect(ofSmall.filter(({ event, round }) => event === 'trained' && round === 3)).to.deep.equal([])
    for (const node of cluster.nodes) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
    expect(events.filter(({ name }) => ['Penalised', 'StruckOut', 'Dropped'].includes(name))).to.deep.equal([])
  })

  it('send updates of the size of the largest group', () => {
    const sizes = new Set(events.filter(({ name }) => name === 'UpdateRevealed').map(({ args }) => Number(args.size)))
    expect(sizes.size).to.equal(1)
  })
})
