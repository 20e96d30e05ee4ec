// SPDX-License-Identifier: GPL-3.0-or-later
// Macro-sentiment, end to end, with processes: a service for each of four indicators, a prover for each, one opinion by an ensemble; a
// service that learns from the ensemble with labels that it paid for; a member that departs, and one that stops.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Contract, ContractFactory, parseEther, toBeHex } from 'ethers'
import { parse, stringify } from 'yaml'
import { clients, contractArtifact, readDeployment } from '../../keepers/chain/index.ts'
import { createDataset, LocalTrainer, saveModel } from '../../keepers/learning/index.ts'
import { NestedClient } from '../../keepers/nested/index.ts'
import { prepareInput } from '../../keepers/serving/index.ts'
import { readManifestFile, type ServiceManifest, specOf } from '../../keepers/versions/index.ts'
import { openFolder } from '../../keepers/zkml/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster } from '../../scripts/cluster.ts'
import { deploymentPath } from '../../scripts/demo/deployment.ts'
import {
  csvOf,
  INDICATORS,
  type IndicatorName,
  OUTLOOKS,
  type Reading,
  readings,
} from '../../scripts/examples/macro.ts'
import { command, succeed } from '../commands/command-line.ts'
import { asTimelock, deployNestedHere, mined, said, told, type World } from './nested-chain.ts'

const NAMES = Object.keys(INDICATORS) as IndicatorName[]
const CID = `0x01551220${'34'.repeat(32)}`
/** Accounts of the development node: the curator, the first owner of an indicator's service, the first prover. */
const [CURATOR, OWNER, PROVER] = [0, 12, 16]
const LABELS = 12
/** Rounds of the student. */
const ROUNDS = 3
const CLI = join(ROOT, 'keepers/cli/main.ts')

describe('an ensemble of services, a student, and one opinion on the economy', function () {
  this.timeout(1_500_000)
  let cluster: Cluster
  let world: World
  let manifest: ServiceManifest
  let contracts: { tree: string; ensembles: string; labels: string }
  const services = new Map<IndicatorName, { address: string; modelId: number }>()
  const drawn = readings(400, 2026)
  const at = (name: string): string => join(cluster.folder, name)
  const circuit = (name: IndicatorName): string => at(`circuit-${name}`)
  /** A reading as the models are given it: scaled as the manifest says. */
  const inputOf = async (name: IndicatorName, period: number): Promise<number[]> => {
    writeFileSync(at('row.csv'), csvOf([drawn[name][period]!]))
    const { code, stderr } = await command(
      'service',
      'row',
      at('manifest.json'),
      '--data',
      at('row.csv'),
      '--out',
      at('row.json'),
    )
    expect(code, stderr).to.equal(0)
    return JSON.parse(readFileSync(at('row.json'), 'utf8'))
  }

  /** A small network for one indicator, trained on its own readings, as a circuit with its weights in it. */
  const trainIndicator = async (name: IndicatorName, seed: number): Promise<string> => {
    const spec = await specOf(manifest)
    const rows = drawn[name].slice(0, 300)
    const inputs: number[] = []
    for (const i of rows.keys()) inputs.push(...scaled(rows[i]!))
    const data = createDataset({
      ...{ name, origin: 'memory', inputShape: spec.inputShape, classes: 3, inputs: Float32Array.from(inputs) },
      labels: rows.map(({ outlook }) => classOf(outlook)),
    })
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(data)
    trainer.setParameters({ epochs: 60, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.01 }, seed })
    const { weights } = await trainer.train()
    trainer.teardown()
    await saveModel({ spec, weights }, at(`model-${name}`))
    const made = await succeed(
      'compile',
      at(`model-${name}`),
      '--plan',
      at('plan.json'),
      '--system',
      'groth16',
      '--out',
      circuit(name),
    )
    await succeed('setup', circuit(name), '--local')
    return toBeHex(BigInt(made.modelCommitment), 32)
  }
  /** The manifest has its classes in an order of its own. */
  const classOf = (outlook: number): number => {
    const { task } = manifest
    return task.kind === 'classification' ? task.classes.indexOf(OUTLOOKS[outlook]!) : -1
  }
  const scaled = ({ values }: Reading): number[] => {
    const { input } = manifest
    if (input.kind !== 'table') throw new Error('a table was made')
    return values.map((value, i) => (value - (input.scale?.[i]?.mean ?? 0)) / (input.scale?.[i]?.deviation ?? 1))
  }

  before(async () => {
    const rows = NAMES.flatMap((name) => drawn[name].slice(0, 100))
    const folder = join(ROOT, '.cache', 'nested-e2e')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'readings.csv'), csvOf(rows))
    const made = await command(
      'service',
      'new',
      '--data',
      join(folder, 'readings.csv'),
      '--out',
      join(folder, 'manifest.json'),
      '--force',
      '--rounds',
      '5',
    )
    expect(made.code, made.stderr).to.equal(0)
    manifest = readManifestFile(join(folder, 'manifest.json'))
    cluster = await Cluster.create({
      ...{ keepers: 3, pace: 'punctual', manifest },
      windows: {
        registrationWindow: 60,
        trainingWindow: 120,
        revealWindow: 90,
        aggregateWindow: 90,
        decryptWindow: 90,
        voteWindow: 60,
      },
      // Written once the book is there: see below.
      values: (index) => ({
        ...{ 'data.source': 'csv', 'data.path': join(folder, 'readings.csv'), 'data.use': 'judge', 'data.limit': 120 },
        ...{
          'data.shard': { kind: 'iid', parts: 3, index, seed: 1 },
          'training.epochs': 60,
          'training.learningRate': 0.01,
        },
      }),
    })
    const file = deploymentPath(cluster.folder)
    world = { url: cluster.url, provider: cluster.provider, file, deployment: await readDeployment(file) }
    writeFileSync(at('manifest.json'), readFileSync(join(folder, 'manifest.json')))
    writeFileSync(at('plan.json'), JSON.stringify({ ...manifest.plan, mode: 'released' }))
    contracts = await deployNestedHere(world)
    for (const [i, name] of NAMES.entries()) {
      const commitment = await trainIndicator(name, i + 1)
      const owner = await world.provider.getSigner(OWNER + i)
      const { abi, bytecode } = contractArtifact('AdoptedModel')
      const made = await new ContractFactory(abi as string[], bytecode, owner).deploy(owner.address)
      await made.waitForDeployment()
      const address = await made.getAddress()
      await mined(clients.adopted(address, owner).adopt(commitment, CID))
      const {
        circuitId,
        address: verifier,
        vkHash,
      } = await told(world, 'dao', 'deploy-verifier', circuit(name), '--account', '0')
      await asTimelock(world, async (timelock) => {
        const models = clients.models(world.deployment.contracts.ModelRegistry, timelock)
        await mined(models.grantRole(await models.REGISTRAR_ROLE(), timelock.address))
        await mined(models.registerService(address))
        await mined(models.release(address, 1))
        await mined(
          clients
            .verifiers(world.deployment.contracts.VerifierRegistry, timelock)
            .register(circuitId, verifier, vkHash, 1, '0x'),
        )
      })
      const offered = await told(
        world,
        'infer',
        'offer',
        '--circuit',
        circuit(name),
        '--service',
        address,
        '--account',
        '0',
      )
      services.set(name, { address, modelId: Number(offered.modelId) })
      cluster.processes.start(
        `prover-${name}`,
        [CLI, 'infer', 'serve', '--circuit', circuit(name), '--account', String(PROVER + i), '--interval', '500'],
        {
          env: { COHORT_RPC_URL: world.url, COHORT_DEPLOYMENT: file },
        },
      )
    }
    await told(
      world,
      'nested',
      'found',
      '--rule',
      'vote',
      '--range',
      '3',
      '--min-answers',
      '2',
      '--account',
      String(CURATOR),
    )
    for (const { modelId } of services.values()) {
      await told(world, 'nested', 'join', '1', '--model-id', String(modelId), '--account', String(CURATOR))
    }
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const settled = async (question: number): Promise<any> => {
    for (const until = Date.now() + 300_000; Date.now() < until; ) {
      const { code, stdout, stderr } = await said(
        world,
        'nested',
        'close',
        String(question),
        '--account',
        String(CURATOR),
        '--json',
      )
      if (code === 0) return JSON.parse(stdout)
      expect(stderr).to.match(/NotClosableYet/)
      await new Promise((done) => setTimeout(done, 1_000))
    }
    throw new Error(`nobody has answered question ${question}`)
  }

  const macroArtifact = () =>
    JSON.parse(readFileSync(join(ROOT, 'artifacts/contracts/examples/MacroOpinion.sol/MacroOpinion.json'), 'utf8'))
  const prepared = async (name: IndicatorName, period: number) => {
    const { program } = await openFolder(circuit(name))
    return prepareInput(program, await inputOf(name, period))
  }

  it('has one opinion on a period, which a contract reads, from the published reading of each indicator', async () => {
    const asker = await world.provider.getSigner(CURATOR)
    const owners = await Promise.all(NAMES.map((_, i) => world.provider.getSigner(OWNER + i)))
    const addresses = [...services.values()].map(({ address }) => address)
    const indicators = addresses.map((service, i) => ({ service, publisher: owners[i]!.address }))
    const { abi, bytecode } = macroArtifact()
    const macro = await new ContractFactory(abi, bytecode, asker).deploy(
      contracts.ensembles,
      1,
      600,
      parseEther('0.04'),
      indicators,
    )
    await macro.waitForDeployment()
    const at = new Contract(await macro.getAddress(), abi, asker)
    for (const period of [350, 351]) {
      const queries = []
      for (const [i, name] of NAMES.entries()) {
        const { inputCommitment, payload } = await prepared(name, period)
        queries.push({ inputCommitment, payload })
        const by = at.connect(owners[i]!) as Contract
        await mined(by.getFunction('publish')(period, addresses[i], inputCommitment, payload))
      }
      await mined(at.getFunction('ask')(period, 4, queries, { value: parseEther('0.08') }))
      const view = await settled(Number(await at.getFunction('questionOf')(period)))
      expect([view.status, view.answers]).to.deep.equal(['decided', 4])
      const [opinion, lead] = await at.getFunction('opinionOf')(period)
      expect([opinion, lead]).to.deep.equal([BigInt(view.value), BigInt(view.lead)])
      expect(Number(opinion)).to.be.within(0, 2)
      process.stdout.write(
        `      period ${period}: opinion ${opinion} by ${lead} thousandths; the economy was ${classOf(drawn.jobs[period]!.outlook)}\n`,
      )
    }
  })

  it('teaches another service: its keepers train on labels that it paid for, and on nothing else', async () => {
    const student = cluster.service
    const price = parseEther('0.08')
    const questions: number[] = []
    await asTimelock(world, async (timelock) => {
      await world.provider.send('hardhat_setBalance', [timelock.address, toBeHex(parseEther('10'))])
      const client = new NestedClient(world.provider, timelock)
      const terms = { ensembleId: 1, price, maxLabels: LABELS + 2, minLead: 200, answerSeconds: 600 }
      expect(await client.openBook(contracts.labels, student, terms, price * BigInt(LABELS))).to.equal(1)
      for (let i = 0; i < LABELS; i++) {
        questions.push(await client.askLabel(contracts.labels, 1, await prepared(NAMES[i % 4]!, 300 + i)))
      }
      // The budget has ended, and nobody adds to it.
      const more = await prepared('jobs', 399)
      const refused = await client.askLabel(contracts.labels, 1, more).catch((error: Error) => error)
      expect(String(refused)).to.match(/BudgetSpent/)
    })
    for (const question of questions) await settled(question)
    const given = []
    for (const question of questions)
      given.push(await told(world, 'nested', 'record', String(question), '--account', '0'))
    const labelled = given.filter(({ label }) => label !== null)
    process.stdout.write(`      ${labelled.length} of ${LABELS} inputs labelled\n`)
    expect(labelled.length).to.be.above(LABELS / 2)
    for (const node of cluster.nodes) {
      const file = join(node.folder, 'keeper.yaml')
      const config = parse(readFileSync(file, 'utf8'))
      const source = {
        source: 'pseudo-labels',
        labels: { address: contracts.labels, book: 1, fromBlock: world.deployment.fromBlock },
      }
      writeFileSync(file, stringify({ ...config, training: { ...config.training, ...source } }))
      cluster.start(node)
    }
    const [node] = cluster.nodes
    await cluster.accepted(node!, ROUNDS, 600_000)
    const read = cluster.lines.filter(({ event }) => event === 'labels read')
    expect(new Set(read.map(({ labels }) => labels))).to.deep.equal(new Set([labelled.length]))
    const trained = cluster.lines.filter(({ event }) => event === 'trained')
    expect(new Set(trained.map(({ samples }) => samples)), 'no sample of its own').to.deep.equal(
      new Set([labelled.length]),
    )
    const judged = cluster.lines.filter(({ event, round }) => event === 'candidate' && Number(round) >= ROUNDS)
    const accuracy = judged.reduce((sum, line) => sum + Number(line.accuracy), 0) / judged.length
    process.stdout.write(`      the student's accuracy on true outlooks, by ${judged.length} judges: ${accuracy}\n`)
    // It has learned from the labels alone: always the commonest outlook would be right for 0.43. The indicators' own models reach 0.67.
    expect(accuracy).to.be.above(0.48)
    for (const each of cluster.nodes) await cluster.stop(each)
  })

  it('is drawn: who asks the ensemble, whose voices it counts, who learns from it', async () => {
    const { stdout, code, stderr } = await said(world, 'service', 'graph')
    expect(code, stderr).to.equal(0)
    expect(stdout).to.match(/contract 0x.*\n.*asks ensemble ensemble 1/)
    expect(stdout.match(/counts the voice of service adopted model/g)).to.have.length(4)
    expect(stdout).to.match(/learns from ensemble ensemble 1 .*book 1, \d+ of 14 labels/)
    const dot = await said(world, 'service', 'graph', '--dot')
    expect(dot.stdout).to.match(/^digraph services \{/)
  })

  it('goes on when a service departs and another one stops, and says so when too few are left', async () => {
    const departing = services.get('rates')!.address
    await told(
      world,
      'nested',
      'leave',
      '1',
      '--service',
      departing,
      '--account',
      String(OWNER + NAMES.indexOf('rates')),
    )
    const back = await said(
      world,
      'nested',
      'join',
      '1',
      '--model-id',
      String(services.get('rates')!.modelId),
      '--account',
      String(CURATOR),
    )
    expect(back.stderr).to.match(/ServiceDeparted/)
    await cluster.processes.stop('prover-growth')
    writeFileSync(at('one.json'), JSON.stringify(await inputOf('jobs', 360)))
    const ask = [
      'nested',
      'ask',
      '1',
      '--circuit',
      circuit('jobs'),
      '--input',
      at('one.json'),
      '--price',
      '0.06',
      '--seconds',
      '45',
      '--account',
      '0',
    ]
    const two = await settled((await told(world, ...ask)).questionId)
    expect([two.status, two.answers, two.asked.length]).to.deep.equal(['decided', 2, 3])
    expect(BigInt(two.refund)).to.equal(parseEther('0.02'))
    expect(BigInt((await told(world, 'nested', 'withdraw', '--account', '0')).ensembles)).to.equal(parseEther('0.02'))
    await cluster.processes.stop('prover-jobs')
    const one = await settled((await told(world, ...ask)).questionId)
    expect([one.status, one.answers, one.value]).to.deep.equal(['abstained', 1, null])
  })
})
