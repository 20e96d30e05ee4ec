// SPDX-License-Identifier: GPL-3.0-or-later
// A service whose members are services, with a chain and ten keepers as processes: three lower services train, a fourth one federates
// their versions, everybody recomputes its rounds, a keeper of its own keeps its samples out of them, and a representative that submits
// something else is noticed.
import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet, zeroPadValue } from 'ethers'
import { parse, stringify } from 'yaml'
import { clients, contractInterface, readDeployment } from '../../keepers/chain/index.ts'
import { partyOfLower } from '../../keepers/nested/index.ts'
import { manifestDigest } from '../../keepers/versions/index.ts'
import { Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { accountKey } from '../../scripts/demo/accounts.ts'
import { ACCOUNT, deploymentPath } from '../../scripts/demo/deployment.ts'
import { scrapeBytes } from '../../scripts/demo/federation.ts'
import { type KeeperNode, prepareKeepers } from '../../scripts/demo/keeper-nodes.ts'
import { lyingEndpoint } from './lying-endpoint.ts'
import {
  addService,
  asTimelock,
  deployNestedHere,
  mined,
  said,
  setParameters,
  told,
  type World,
} from './nested-chain.ts'

/** Lower services, and the keepers of each. */
const [SERVICES, LOWER] = [3, 2]
/** A representative of each, and a judge of its own: of four members, a round can spare one update, of three none. */
const UPPER = SERVICES + 1
/** Index of the upper service's first keeper. */
const ABOVE = SERVICES * LOWER
const ALL = ABOVE + UPPER
const MANIFEST = clusterManifest('logistic')

describe('a service whose members are services', function () {
  this.timeout(1_500_000)
  let cluster: Cluster
  let world: World
  let tree: string
  let lowers: string[] = []
  let upper = ''
  const stops: (() => Promise<void>)[] = []
  const ownerOf = (i: number): string => new Wallet(accountKey(ACCOUNT.firstOwner + i)).address
  const shard = (index: number) => ({ kind: 'iid', parts: ALL, index, seed: 1 })

  const seat = async (service: string, from: number, count: number, values: (i: number) => Record<string, unknown>) => {
    const nodes = await prepareKeepers({
      ...{
        folder: cluster.folder,
        rpc: [cluster.url],
        chainId: world.deployment.chainId,
        fromBlock: world.deployment.fromBlock,
      },
      ...{ service, first: from, stake: '1000', manifest: MANIFEST },
      ownerKeys: Array.from({ length: count }, (_, i) => accountKey(ACCOUNT.firstOwner + from + i)),
      values: (index) => ({
        'network.fetchSeconds': 20,
        'chain.pollSeconds': 0.5,
        'data.limit': 300,
        ...values(index),
      }),
    })
    cluster.nodes.push(...nodes)
    for (const node of nodes) cluster.start(node)
    return nodes
  }
  const lineOf = (node: KeeperNode, event: string, from = 0) =>
    cluster.line(`${event} of ${node.name}`, (line) => line.node === node.name && line.event === event, 600_000, from)
  const completed = async (service: string, versions: bigint): Promise<void> => {
    const contract = clients.service(service, cluster.provider)
    for (const until = Date.now() + 900_000; Date.now() < until; ) {
      if ((await contract.versionCount()) >= versions) return
      await new Promise((done) => setTimeout(done, 1_000))
    }
    throw new Error(
      `${service} has not accepted ${versions} versions; ${cluster.lines
        .slice(-20)
        .map(({ node, event, msg, reason }) => `${node} ${event} ${msg} ${reason ?? ''}`)
        .join('\n')}`,
    )
  }
  const roundOf = async (version: bigint) =>
    Number((await clients.service(upper, cluster.provider).versionAt(version)).round)
  /** The first round from that one on that the upper service has completed, or will. */
  const completedSince = async (round: number): Promise<number> => {
    for (let version = 1n; ; version++) {
      await completed(upper, version)
      const found = await roundOf(version)
      if (found >= round) return found
    }
  }
  const audit = async (round: number) =>
    said(
      world,
      'nested',
      'audit',
      upper,
      '--round',
      String(round),
      '--manifest',
      join(cluster.folder, 'manifest.json'),
      '--folder',
      join(cluster.folder, 'audit'),
      '--json',
    )

  before(async () => {
    cluster = await Cluster.create({
      ...{ keepers: LOWER, later: ALL - LOWER, pace: 'punctual', manifest: MANIFEST },
      service: { minKeepers: 2, maxKeepers: LOWER },
      windows: { trainingWindow: 120, revealWindow: 90, aggregateWindow: 90, decryptWindow: 90, voteWindow: 60 },
      values: (index) => ({ 'data.shard': shard(index), 'data.limit': 300, 'network.fetchSeconds': 20 }),
    })
    const file = deploymentPath(cluster.folder)
    world = { url: cluster.url, provider: cluster.provider, file, deployment: await readDeployment(file) }
    writeFileSync(join(cluster.folder, 'manifest.json'), JSON.stringify(MANIFEST))
    for (const node of cluster.nodes) cluster.start(node)
    lowers = [cluster.service]
    for (const name of ['second region', 'third region']) {
      lowers.push(await addService(world, name, manifestDigest(MANIFEST)))
    }
    upper = await addService(world, 'all regions', manifestDigest(MANIFEST))
    tree = (await deployNestedHere(world)).tree
    for (const [i, lower] of lowers.entries()) {
      if (i > 0) await seat(lower, i * LOWER, LOWER, (index) => ({ 'data.shard': shard(index) }))
    }

    // Both sides consent, as their DAO would: here one timelock has the say in all of them.
    await setParameters(world, upper, { admission: tree, partySeats: 1, maxKeepers: UPPER })
    await asTimelock(world, async (timelock) => {
      const contract = clients.tree(tree, timelock)
      await mined(contract.open(upper, { level: 1, hybrid: true, others: `0x${'00'.repeat(20)}` }))
      for (const [i, lower] of lowers.entries()) {
        await mined(contract.invite(upper, lower))
        await mined(contract.appoint(upper, lower, ownerOf(ABOVE + i)))
      }
    })
    await Promise.all(lowers.map((lower) => completed(lower, 1n)))
  })
  after(async () => {
    for (const stop of stops) await stop()
    await cluster?.[Symbol.asyncDispose]()
  })

  it('makes two rounds of the versions of its members, which anybody can recompute', async () => {
    await seat(upper, ABOVE, UPPER, (index) => {
      const place = index - ABOVE
      const judge = { 'data.shard': shard(index), 'data.use': 'judge' }
      if (place >= lowers.length) return judge
      const service = { address: lowers[place]!, tree, fromBlock: world.deployment.fromBlock }
      return { ...judge, 'training.source': 'service', 'training.service': service }
    })
    await completed(upper, 2n)
    for (const version of [1n, 2n]) {
      const round = await roundOf(version)
      const { code, stdout, stderr } = await audit(round)
      expect(code, `${stdout}${stderr}`).to.equal(0)
      const { verdict, difference, tolerance, seats } = JSON.parse(stdout)
      expect(verdict).to.equal('as stated')
      expect(difference).to.be.below(tolerance)
      const brought = seats.filter(({ samples }: { samples: number }) => samples > 0)
      expect(brought.map(({ lower }: { lower: string }) => lower).sort()).to.deep.equal([...lowers].sort())
      process.stdout.write(
        `      round ${round}: difference ${difference.toExponential(1)} of ${tolerance.toExponential(1)}\n`,
      )
    }
    const judge = cluster.nodes.at(-1)!
    const { accuracy } = await cluster.line(
      'a judged candidate',
      ({ node, event }) => node === judge.name && event === 'candidate',
    )
    process.stdout.write(`      hold-out accuracy of the judge ${accuracy}\n`)
    expect(Number(accuracy)).to.be.above(0.3)
  })

  it('costs a representative no more than a member: processor time and bytes, for the page', async () => {
    const ticks = (node: KeeperNode): number => {
      const fields = readFileSync(`/proc/${cluster.pid(node)}/stat`, 'utf8')
        .split(') ')[1]!
        .split(' ')
      return (Number(fields[11]) + Number(fields[12])) / 100
    }
    const groups = { lower: cluster.nodes.slice(0, ABOVE), upper: cluster.nodes.slice(ABOVE, ABOVE + SERVICES) }
    for (const [name, nodes] of Object.entries(groups)) {
      const service = clients.service(name === 'lower' ? lowers[0]! : upper, cluster.provider)
      const { published, fetched } = await scrapeBytes(nodes)
      const total = (by: Record<string, number>): number => Object.values(by).reduce((a, b) => a + b, 0) / nodes.length
      const seconds = nodes.map(ticks)
      expect(Math.min(...seconds)).to.be.above(0)
      const each = (value: number): string => (value / 1000).toFixed(0)
      process.stdout.write(
        `      ${name}: ${await service.versionCount()} versions; a keeper ${(seconds.reduce((a, b) => a + b, 0) / nodes.length).toFixed(1)} s of processor since its start, ${each(total(published))} kB published, ${each(total(fetched))} kB fetched; load ${loadavg()[0]!.toFixed(1)}\n`,
      )
    }
  })

  it('is drawn with its members', async () => {
    const { stdout, code } = await said(world, 'service', 'graph')
    expect(code).to.equal(0)
    for (const lower of lowers) {
      expect(stdout).to.match(
        new RegExp(`all regions, level 1 ${upper}[^]*has the member service .*${lower} \\(keeper 0x`),
      )
    }
    const { edges, cycles } = await told(world, 'service', 'graph', '--of', upper)
    expect(edges.filter(({ kind }: { kind: string }) => kind === 'member')).to.have.length(SERVICES)
    expect(cycles).to.deep.equal([])
  })

  /** Stops a keeper and starts it with another config. @returns the number of lines before that */
  const restart = async (node: KeeperNode, change: (config: any) => object): Promise<number> => {
    await cluster.stop(node)
    const file = join(node.folder, 'keeper.yaml')
    writeFileSync(file, stringify(change(parse(readFileSync(file, 'utf8')))))
    const from = cluster.lines.length
    cluster.start(node)
    return from
  }

  it('has a keeper of its own keep its samples out of rounds in which all other updates are public', async () => {
    const judge = cluster.nodes.at(-1)!
    const from = await restart(judge, (config) => ({ ...config, data: { ...config.data, use: 'train' } }))
    const { round, representatives, needed } = await lineOf(judge, 'exposed', from)
    expect([representatives, needed]).to.deep.equal([SERVICES, 3])
    const contract = clients.service(upper, cluster.provider)
    const reveals = await contract.queryFilter(
      contract.filters.UpdateRevealed(await completedSince(Number(round))),
      world.deployment.fromBlock,
    )
    const samples = reveals.map(({ args }) => Number(args.samples))
    expect(samples.filter((value) => value > 0)).to.have.length(SERVICES)
    expect(samples.filter((value) => value === 0)).to.have.length(1)
  })

  it('shows a representative that submits something else, and which seats it could have been', async () => {
    const liar = cluster.nodes[ABOVE]!
    // Its endpoint tells it that it represents another service: within every bound, and not what its own service has decided.
    const endpoint = await lyingEndpoint(world.url, {
      [contractInterface('ServiceTree').getFunction('representedBy')!.selector]: zeroPadValue(lowers[1]!, 32),
      [contractInterface('ILearningService').getFunction('partyOf')!.selector]: partyOfLower(lowers[1]!),
    })
    stops.push(endpoint.stop)
    const service = { address: lowers[1]!, tree, fromBlock: world.deployment.fromBlock }
    const from = await restart(liar, (config) => ({
      ...config,
      chain: { ...config.chain, rpc: [endpoint.url] },
      training: { ...config.training, service },
    }))
    const { round } = await lineOf(liar, 'trained', from)
    const { code, stdout, stderr } = await audit(await completedSince(Number(round)))
    expect(code, `${stdout}${stderr}`).to.equal(1)
    const { verdict, difference, tolerance, seats } = JSON.parse(stdout)
    expect(verdict).to.equal('differs')
    expect(difference).to.be.above(tolerance)
    const suspects = seats.filter(({ suspect }: { suspect: boolean }) => suspect)
    expect(suspects.map(({ keeper }: { keeper: string }) => keeper)).to.include(liar.owner)
    process.stdout.write(
      `      difference ${difference.toExponential(1)} of ${tolerance.toExponential(1)}, ${suspects.length} suspects\n`,
    )
  })

  it('takes nothing more from a keeper that its service has replaced', async () => {
    const honest = cluster.nodes[ABOVE + 1]!
    const from = cluster.lines.length
    await asTimelock(world, async (timelock) => {
      await mined(clients.tree(tree, timelock).appoint(upper, lowers[1]!, ownerOf(0)))
    })
    const { reason } = await lineOf(honest, 'trainer failed', from)
    expect(reason).to.match(/represents nobody in/)
  })
})
