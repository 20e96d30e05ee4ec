// SPDX-License-Identifier: GPL-3.0-or-later
// Members drawn among candidates: twelve candidates, six seats an epoch, and three candidates that are never there.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { keccak256, solidityPacked } from 'ethers'
import { clients } from '../../keepers/chain/index.ts'
import { seatsOf } from '../../keepers/chain/seats.ts'
import { Cluster } from '../../scripts/cluster.ts'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'
import { patientsManifest, patientsValues, writePatients } from './patients.ts'

const CANDIDATES = 12
const SEATS = 6
const STAKE = 1000n * 10n ** 18n
const PENALTY = 7n * 10n ** 18n

/** The order of a draw: positions by rank, computed apart from the contract. */
function shuffled(seed: string, size: number): number[] {
  const order = Array.from({ length: size }, (_, i) => i)
  for (let j = 0; j < size; j++) {
    const choice = j + Number(BigInt(keccak256(solidityPacked(['bytes32', 'uint256'], [seed, j]))) % BigInt(size - j))
    ;[order[j], order[choice]] = [order[choice]!, order[j]!]
  }
  return order
}

describe('members drawn among twelve candidates', function () {
  this.timeout(900_000)
  let cluster: Cluster
  let data: string

  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'cohort-patients-'))
    for (let index = 0; index < CANDIDATES; index++) writePatients(join(data, `${index}.csv`), index)
    cluster = await Cluster.create({
      keepers: CANDIDATES,
      windows: {
        registrationWindow: 90,
        keyWindow: 90,
        trainingWindow: 60,
        revealWindow: 60,
        aggregateWindow: 90,
        decryptWindow: 60,
        voteWindow: 30,
      },
      service: {
        minKeepers: 4,
        maxKeepers: SEATS,
        decryptionsPerEpoch: 1,
        oneEpochSeats: true,
        sortition: {
          bondTokens: '100',
          absencePenaltyTokens: '7',
          minCandidates: 8,
          patienceSeconds: 30,
          delayBlocks: 2,
        },
      },
      manifest: patientsManifest(),
      values: (index) => patientsValues(join(data, `${index}.csv`)),
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(data, { recursive: true, force: true })
  })

  const events = async (name: string) => (await cluster.events()).filter((event) => event.name === name)
  const until = async <T>(what: string, find: () => Promise<T | undefined>): Promise<T> => {
    for (const deadline = Date.now() + 400_000; Date.now() < deadline; ) {
      const found = await find()
      if (found !== undefined) return found
      await new Promise((done) => setTimeout(done, 1_000))
    }
    throw new Error(`${what}: not within 400 s`)
  }

  it('serve one epoch each: those that the seed names and that are there', async () => {
    const service = clients.service(cluster.service, cluster.provider)
    const sortition = clients.sortition((await service.parameters()).admission, cluster.provider)
    expect(await sortition.candidateCount()).to.equal(BigInt(CANDIDATES))
    const running = cluster.nodes.slice(3)
    const absent = cluster.nodes.slice(0, 3)
    for (const node of running) cluster.start(node)
    const ownerAt = await Promise.all(
      Array.from({ length: CANDIDATES }, (_, position) => sortition.candidateAt(position)),
    )
    const nodeOf = (owner: string): KeeperNode => cluster.nodes.find((node) => node.owner === owner)!

    const opened = await until('the first epoch', async () => (await events('EpochOpened'))[0])
    const [settled] = await sortition.queryFilter(sortition.filters.DrawSettled())
    const order = shuffled(settled!.args.seed, CANDIDATES).map((position) => nodeOf(ownerAt[position]!))
    const drawn = order.slice(0, SEATS)
    const members = await Promise.all(
      seatsOf(opened.args.members as bigint).map(async (seat) =>
        nodeOf((await service.seatInfo(seat, { blockTag: opened.block })).keeper),
      ),
    )
    const there = drawn.filter((node) => running.includes(node))
    expect(members, 'every drawn candidate that runs').to.include.members(there)
    // The next ranks take the seats of those that are not there, as far as the draw was extended before registration closed.
    const { reach } = await sortition.lastDraw({ blockTag: opened.block })
    const allowed = order.slice(0, Number(reach)).filter((node) => running.includes(node))
    expect(members.length).to.be.greaterThanOrEqual(4)
    expect(allowed).to.include.members(members)
    expect(members.every((node) => running.includes(node))).to.equal(true)

    // Their rounds are theirs alone, and whoever did not come has paid.
    const draft = await until('a decryption', async () => (await events('MembersDrafted'))[0])
    expect(seatsOf(draft.args.included as bigint).length).to.be.greaterThanOrEqual(
      Math.floor((2 * members.length) / 3) + 1,
    )
    await until('a version', async () => (await events('UpdateCompleted'))[0])
    const missing = drawn.filter((node) => absent.includes(node))
    const reported = await until('reports', async () => {
      const found = await sortition.queryFilter(sortition.filters.Absent())
      return found.length >= missing.length ? found : undefined
    })
    expect(reported.map(({ args }) => args.keeper)).to.have.members(missing.map(({ owner }) => owner))
    for (const node of missing) expect(await cluster.stakeOf(node)).to.equal(STAKE - PENALTY)
    for (const node of running) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)

    const second = await until('the second epoch', async () => (await events('EpochOpened'))[1])
    const draws = await sortition.queryFilter(sortition.filters.DrawSettled())
    expect(draws.length).to.be.greaterThanOrEqual(2)
    // Everybody's seat was given up in between.
    const left = (await events('Left')).filter(({ block }) => block <= second.block)
    expect(left.length).to.equal(members.length)
    const joined = (await events('Joined')).filter(({ block }) => block > opened.block && block <= second.block)
    expect(seatsOf(second.args.members as bigint).length).to.equal(joined.length)
    await until('a version of the second epoch', async () => (await events('UpdateCompleted'))[1])
    expect(await events('Penalised')).to.deep.equal([])
    for (const node of running) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
  })
})
