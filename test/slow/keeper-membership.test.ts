// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers that come and go over several epochs of a service of tables. Epochs are short here: two decryptions a key.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Contract, formatEther } from 'ethers'
import { heldEncryptionKeys } from '../../keepers/agent/encryption-keys.ts'
import { loadConfig } from '../../keepers/agent/index.ts'
import { clients, contractInterface } from '../../keepers/chain/index.ts'
import { bitmapOf, hasSeat } from '../../keepers/chain/seats.ts'
import { KeeperStore } from '../../keepers/store/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster, type Line } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { patientsManifest, patientsValues, writePatients } from './patients.ts'

const STAKE = 1000n * 10n ** 18n
const KEY_PENALTY = 5n * 10n ** 18n
const UNBONDING_SECONDS = 20

type Event = Awaited<ReturnType<Cluster['events']>>[number]

describe('keepers that come and go', function () {
  this.timeout(900_000)
  let cluster: Cluster
  let data: string

  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'cohort-patients-'))
    for (let index = 0; index < 5; index++) writePatients(join(data, `${index}.csv`), index)
    cluster = await Cluster.create({
      keepers: 4,
      later: 1,
      windows: {
        registrationWindow: 20,
        keyWindow: 60,
        trainingWindow: 60,
        revealWindow: 60,
        aggregateWindow: 60,
        decryptWindow: 60,
        voteWindow: 20,
      },
      service: { decryptionsPerEpoch: 2 },
      registry: { unbondingDelaySeconds: UNBONDING_SECONDS },
      manifest: patientsManifest(),
      values: (index) => patientsValues(join(data, `${index}.csv`)),
    })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(data, { recursive: true, force: true })
  })

  const cohort = async (node: KeeperNode, ...args: string[]): Promise<Record<string, any>> => {
    const command = [join(ROOT, 'keepers/cli/main.ts'), 'keeper', ...args, '--data', node.folder, '--json']
    const env = { ...process.env, ...keeperEnvironment() }
    return JSON.parse((await promisify(execFile)(process.execPath, command, { env })).stdout)
  }
  const ofName = async (name: string): Promise<Event[]> =>
    (await cluster.events()).filter((event) => event.name === name)
  const roundNow = (): number =>
    Math.max(0, ...cluster.lines.filter((line) => line.event === 'state').map((line) => Number(line.round)))
  const trainingOf = (node: KeeperNode, epoch: number): Promise<Line> =>
    cluster.line(
      `training in epoch ${epoch} at ${node.name}`,
      (line) => line.node === node.name && line.state === 'Training' && Number(line.epoch) >= epoch,
    )
  /** The first epoch that opens after an event. */
  const epochAfter = async (isCause: (event: Event) => boolean): Promise<Event> => {
    for (const deadline = Date.now() + 400_000; Date.now() < deadline; ) {
      const events = await cluster.events()
      const cause = events.findIndex(isCause)
      const opened = events.find(({ name }, at) => cause >= 0 && at > cause && name === 'EpochOpened')
      if (opened !== undefined) return opened
      await new Promise((done) => setTimeout(done, 1_000))
    }
    throw new Error('no new epoch within 400 s')
  }
  const seats = (nodes: readonly KeeperNode[]): bigint => bitmapOf(nodes.map((node) => node.seat))

  it('survives kill -9 while the service registers members, and makes a model of tables', async () => {
    const [a] = cluster.nodes as [KeeperNode]
    for (const node of cluster.nodes) cluster.start(node)
    await cluster.line('registration', (line) => line.node === a.name && line.state === 'Registration')
    await cluster.kill(a)
    cluster.start(a)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, 1)))
    const candidates = cluster.lines.filter((line) => line.event === 'candidate' && Number(line.round) === 1)
    for (const { accuracy } of candidates) expect(Number(accuracy)).to.be.greaterThan(0.6)
    expect(await ofName('Penalised')).to.deep.equal([])
  })

  it('takes in a keeper at the next epoch, not before, and brings it up to the model of all', async () => {
    const before = [...cluster.nodes]
    const late = await cluster.join()
    cluster.start(late)
    const opened = await epochAfter(({ name, args }) => name === 'Joined' && Number(args.seat) === late.seat)
    expect(opened.args.members).to.equal(seats(cluster.nodes))
    const earlier = (await ofName('EpochOpened')).filter(({ args }) => args.epoch < opened.args.epoch)
    expect(earlier.map(({ args }) => args.members)).to.deep.equal(earlier.map(() => seats(before)))
    const round = Number((await trainingOf(late, Number(opened.args.epoch))).round)
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round)))
    const [first, ...others] = cluster.nodes.map(
      (node) =>
        cluster.lines.findLast(
          (line) => line.node === node.name && line.event === 'model accepted' && line.round === round,
        )?.cid,
    )
    for (const other of others) expect(other).to.equal(first)
    const drafts = await ofName('MembersDrafted')
    for (const { args } of drafts) {
      const isOfItsEpoch = Number(args.round) >= round
      expect(hasSeat(args.included as bigint, late.seat), `round ${args.round}`).to.equal(isOfItsEpoch)
    }
  })

  it('lets a keeper leave at the end of an epoch with all that it staked', async () => {
    const leaver = cluster.nodes[1]!
    const left = await cohort(leaver, 'unbond')
    expect(left).to.include({ left: true, unbonding: '900.0' })
    // A member until the epoch ends: it does its steps, so the rounds of the epoch do not wait for it.
    const opened = await epochAfter(({ name, args }) => name === 'Left' && Number(args.seat) === leaver.seat)
    expect(hasSeat(opened.args.members as bigint, leaver.seat)).to.equal(false)
    await trainingOf(cluster.nodes[0]!, Number(opened.args.epoch))
    expect(await cluster.stop(leaver)).to.equal(0)
    expect(await ofName('Penalised')).to.deep.equal([])
    const token = new Contract(cluster.token, contractInterface('CohortToken'), cluster.provider)
    const balance = async (): Promise<string> => formatEther(await token.getFunction('balanceOf')(leaver.owner))
    // Once for the bond, which is free now; and until both have unbonded.
    for (let calls = 0; calls < 30 && (await balance()) !== '1000.0'; calls++) {
      expect(await cohort(leaver, 'unbond')).to.include({ left: false })
      await new Promise((done) => setTimeout(done, 5_000))
    }
    expect(await balance()).to.equal('1000.0')
    const round = roundNow()
    const others = cluster.nodes.filter((node) => node !== leaver)
    await Promise.all(others.map((node) => cluster.accepted(node, round)))
  })

  it('forms a new epoch without a keeper that is silent for good, at its cost alone', async () => {
    const [a, , silent, d, e] = cluster.nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode, KeeperNode]
    const honest = [a, d, e]
    const completed = (await ofName('UpdateCompleted')).length
    await cluster.kill(silent)
    const isDropped = ({ name, args }: Event): boolean => name === 'Dropped' && Number(args.seat) === silent.seat
    const opened = await epochAfter(isDropped)
    expect((await cluster.events()).find(isDropped)!.args.penalised).to.equal(true)
    await Promise.all(honest.map((node) => trainingOf(node, Number(opened.args.epoch))))
    const round = roundNow()
    await Promise.all(honest.map((node) => cluster.accepted(node, round)))
    expect(opened.args.members).to.equal(seats(honest))
    for (const { args } of await ofName('Penalised')) expect(Number(args.seat)).to.equal(silent.seat)
    for (const node of honest) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
    expect(await cluster.stakeOf(silent)).to.equal(STAKE - KEY_PENALTY)
    expect((await ofName('UpdateCompleted')).length).to.be.greaterThan(completed)
    expect(await ofName('UpdateIncomplete'), 'no committed round is lost').to.deep.equal([])
  })

  it('seals the shares of each epoch to new keys, and erases those of epochs that are over', async () => {
    const [a] = cluster.nodes as [KeeperNode]
    const trained = new Set(
      cluster.lines.filter(({ node, state }) => node === a.name && state === 'Training').map(({ epoch }) => epoch),
    )
    const opened = (await ofName('EpochOpened')).filter(({ args }) => trained.has(Number(args.epoch)))
    expect(opened.length).to.be.greaterThan(3)
    const registry = clients.registry(cluster.registry, cluster.provider)
    const keys: string[] = []
    for (const { block } of opened) keys.push((await registry.keeperOf(a.owner, { blockTag: block })).encryptionKey)
    expect(new Set(keys).size, keys.join()).to.equal(keys.length)

    expect(await cluster.stop(a)).to.equal(0)
    const { chain, service } = loadConfig(a.folder)
    const binding = { chainId: BigInt(chain.id), service: service.address, operator: a.operator }
    const passphrase = keeperEnvironment().COHORT_PASSPHRASE!
    const store = KeeperStore.open({ folder: a.folder, passphrase, binding })
    const held = heldEncryptionKeys(store).map((key) => `0x${Buffer.from(key).toString('hex')}`)
    store.close()
    expect(held).to.include(keys.at(-1)!)
    for (const old of keys.slice(0, -2)) expect(held).not.to.include(old)
  })
})
