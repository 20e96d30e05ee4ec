// SPDX-License-Identifier: GPL-3.0-or-later
// The whole way of a large payment: a Safe as it is published, the guard, the fraud model that the project trained, its real
// circuit. What an owner does passes, what a thief does is judged theft, and no proof of anything else helps.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { MaxUint256 } from 'ethers'
import {
  approves,
  bringVerdict,
  encodeSpend,
  type GuardedSpend,
  proveSpend,
  readSpend,
  requireModelOf,
  SPEND_VERDICTS,
  spendCircuit,
  spendHistories,
} from '../../../keepers/apps/spending/index.ts'
import { ServingError } from '../../../keepers/serving/index.ts'
import { InferenceProver, parseProof } from '../../../keepers/zkml/index.ts'
import { CACHE } from '../../../scripts/bootstrap/paths.mjs'
import { command } from '../../commands/command-line.ts'
import { DAY, ERC20, LIMIT, MINUTE } from './guard.ts'
import { createModelGuard, FUNDS, type ModelGuard, serveChain } from './spend-model.ts'

const VECTORS = 150
/** Nine hundred limits. */
const DRAINED = (9n * FUNDS) / 10n

describe('SpendingGuard with the released fraud model and its real circuit', function () {
  // Compiling the circuit and making its key takes ten seconds, once a checkout.
  this.timeout(240_000)
  let prover: InferenceProver
  let world: ModelGuard
  let start: { restore(): Promise<void> }
  /** Somebody whom the Safe paid on five days. */
  let supplier: string
  const spend = (changes: Partial<GuardedSpend> = {}): GuardedSpend => ({
    ...{ to: supplier, value: 2n * LIMIT, data: '0x', operation: 0, origin: 0 },
    ...changes,
  })
  const transfer = (to: string, amount: bigint): GuardedSpend =>
    spend({ to: world.asset, value: 0n, data: ERC20.encodeFunctionData('transfer', [to, amount]) })
  const execute = ({ to, value, data }: GuardedSpend) => world.safe.execute({ to, value, data })

  before(async () => {
    prover = await InferenceProver.open((await spendCircuit(`${CACHE}/spend`)).folder)
    world = await createModelGuard(prover)
    supplier = world.ethers.Wallet.createRandom().address
    for (let i = 0; i < 5; i++) {
      await world.safe.execute({ to: supplier, value: LIMIT / 2n })
      await world.networkHelpers.time.increase(3 * DAY)
    }
    start = await world.networkHelpers.takeSnapshot()
  })
  beforeEach(() => start.restore())
  after(() => prover?.close())

  it('lets a payment above the limit to an old supplier pass with a verdict, once', async () => {
    const { guard, judge, submit, ethers } = world
    await expect(execute(spend())).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    const verdict = await judge(spend())
    expect(SPEND_VERDICTS[verdict.reading.label]).to.equal('ordinary')
    await submit(spend(), verdict)
    await expect(execute(spend())).to.changeEtherBalance(ethers, supplier, 2n * LIMIT)
    await expect(execute(spend())).to.be.revertedWithCustomError(guard, 'VerdictMissing')
  })

  /** What the model says of a spend of the Safe now, without a proof. */
  const verdictOn = async (given: GuardedSpend) => {
    const { bytes } = await world.ask(given)
    return SPEND_VERDICTS[readSpend(prover.circuit.folder.program, bytes).label]
  }

  it('judges a drain, and refuses it, also with another answer than the circuit’s', async () => {
    const { guard, hub, judge, submit, ethers } = world
    const drain = spend({ to: ethers.Wallet.createRandom().address, value: DRAINED })
    const verdict = await judge(drain)
    expect(SPEND_VERDICTS[verdict.reading.label]).to.equal('theft')
    await expect(submit(drain, verdict)).to.be.revertedWithCustomError(guard, 'VerdictUnfavourable')
    const lie = { ...verdict, output: verdict.output + 1n }
    await expect(submit(drain, lie)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(execute(drain)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
  })

  it('judges other thefts: an allowance without bound, a module’s, the rest of a probe', async () => {
    const { asset, networkHelpers, ethers } = world
    const nobody = ethers.Wallet.createRandom().address
    const approve = spend({ to: asset, value: 0n, data: ERC20.encodeFunctionData('approve', [nobody, MaxUint256]) })
    expect(await verdictOn(approve), 'an allowance').to.equal('theft')
    expect(await verdictOn({ ...transfer(nobody, 5n * LIMIT), origin: 1 }), 'a module').to.equal('theft')
    await execute(transfer(nobody, LIMIT / 100n))
    await networkHelpers.time.increase(8 * MINUTE)
    expect(await verdictOn(transfer(nobody, 20n * LIMIT)), 'a probe').to.equal('theft')
  })

  it('takes no verdict for another spend, of other features, of before, or a second time', async () => {
    const { guard, hub, judge, submit, networkHelpers, ethers } = world
    const verdict = await judge(spend())
    const nobody = ethers.Wallet.createRandom().address
    for (const other of [spend({ to: nobody }), spend({ value: FUNDS }), spend({ origin: 1 })]) {
      await expect(submit(other, verdict)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    await submit(spend(), verdict)
    await expect(submit(spend(), verdict)).to.be.revertedWithCustomError(hub, 'AlreadyVerified')
    await networkHelpers.time.increase(11 * MINUTE)
    await expect(execute(spend())).to.be.revertedWithCustomError(guard, 'VerdictExpired')
    await expect(submit(spend(), verdict)).to.be.revertedWithCustomError(guard, 'VerdictTimeInvalid')
    await submit(spend(), await judge(spend()))
    await execute(spend({ value: 1n }))
    await expect(execute(spend())).to.be.revertedWithCustomError(guard, 'VerdictStale')
    await submit(spend(), await judge(spend()))
    await execute(spend())
  })

  it('lets through a transaction announced long enough ago, whatever the model says', async () => {
    const { guard, tell, networkHelpers, address, ethers, hub, owner, modelId, judge } = world
    const theft = spend({ to: ethers.Wallet.createRandom().address, value: DRAINED })
    await tell('announce', [await guard.spendHashOf(address, theft)])
    await hub.connect(owner).deprecateModel(modelId)
    const refused = await judge(spend()).catch((error: unknown) => error)
    expect(refused)
      .to.be.instanceOf(ServingError)
      .with.property('message')
      .match(/ModelDeprecated/)
    await expect(execute(theft)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await networkHelpers.time.increase(2 * DAY)
    await expect(execute(theft)).to.changeEtherBalance(ethers, theft.to, theft.value)
  })

  it('has a circuit that agrees with the interpreter, and commits to the bytes that the contract hashes', async () => {
    const { circuit } = prover
    const spends = spendHistories({ split: 'test', accounts: 80, seed: 77 }).slice(0, VECTORS)
    expect(spends).to.have.lengthOf(VECTORS)
    const labels = new Set<number>()
    for (const { features } of spends) {
      const input = encodeSpend(features)
      const { publicSignals } = circuit.witness({ input, integers: true, context: 5n })
      const { output, label } = readSpend(circuit.folder.program, input)
      expect(publicSignals[2], features.join()).to.equal(output)
      labels.add(label)
    }
    expect([...labels].sort()).to.deep.equal([0, 1])
  })

  describe('from the command line', () => {
    let chain: Awaited<ReturnType<typeof serveChain>>
    let home: string
    before(async () => {
      chain = await serveChain(world.ethers.provider)
      home = await mkdtemp(join(tmpdir(), 'cohort-spend-'))
    })
    after(async () => {
      await chain.close()
      await rm(home, { recursive: true, force: true })
    })
    const cohort = (name: string, ...args: string[]) => command('spend', name, prover.circuit.folder.folder, ...args)
    const asked = ({ to, value, data }: GuardedSpend) => {
      const guard = ['--guard', world.guardAddress, '--of', world.address, '--rpc', chain.url]
      return [...guard, '--to', to, '--value', String(value), '--calldata', data]
    }

    it('proves the guard’s statement and submits the verdict', async () => {
      const sent = await cohort('prove', ...asked(spend()), '--send', '--account', '4', '--json')
      expect(sent.code, sent.stderr).to.equal(0)
      const told = JSON.parse(sent.stdout)
      expect(told).to.include({ label: 1 })
      expect(told.transaction).to.match(/^0x[0-9a-f]{64}$/)
      await execute(spend())
    })

    it('writes a proof that the guard takes from anybody', async () => {
      const question = await world.ask(spend())
      const file = join(home, 'proof.json')
      const features = [...question.bytes.subarray(8)].join()
      const made = await cohort('prove', '--features', features, '--context', String(question.context), '--out', file)
      expect(made.code, made.stderr).to.equal(0)
      const { proof, publicSignals } = JSON.parse(await readFile(file, 'utf8'))
      const output = BigInt(publicSignals[2])
      const reading = readSpend(prover.circuit.folder.program, question.bytes)
      await world.submit(spend(), { ...question, output, proof: parseProof(proof), reading })
      await execute(spend())
    })

    it('says so when the model takes a spend for theft, and proves nothing', async () => {
      const drain = spend({ to: world.ethers.Wallet.createRandom().address, value: DRAINED })
      const read = await cohort('read', ...asked(drain), '--json')
      expect(JSON.parse(read.stdout)).to.include({ label: 0, approved: false })
      const { code, stderr } = await cohort('prove', ...asked(drain), '--send', '--account', '4')
      expect(code).to.equal(1)
      expect(stderr).to.match(/the policy would refuse: .*asks for label 1/)
    })

    it('names what is wrong', async () => {
      const nobody = world.ethers.Wallet.createRandom().address
      for (const [name, args, code, message] of [
        ['read', ['--features', '1,2,3,4,5,6,7,32'], 65, /feature 7 of a spend is 32/],
        ['read', [...asked(spend()), '--of', nobody], 1, /NotConfigured/],
        ['read', [...asked(spend()), '--rpc', 'http://127.0.0.1:9'], 69, /no JSON-RPC endpoint/],
        ['prove', ['--features', '9,0,0,31,0,0,0,0'], 64, /--features needs --context/],
        ['prove', [...asked(spend()), '--send'], 64, /--send needs an account/],
      ] as const) {
        const run = await cohort(name, ...args)
        expect(run.stderr).to.match(message)
        expect(run.code, run.stderr).to.equal(code)
      }
    })
  })

  it('is not asked with another circuit or key, and approves by margin', async () => {
    const question = await world.ask(spend())
    requireModelOf(question, prover)
    const other = `0x${'ab'.repeat(32)}`
    const wrong = (changes: object) => () => requireModelOf({ ...question, ...changes }, prover)
    expect(wrong({ circuitId: other })).to.throw(ServingError, /has circuit 0xabab/)
    expect(wrong({ vkHash: other })).to.throw(ServingError, /verified with key 0xabab/)
    const of = (label: number, margin: bigint) => ({ label, margin, output: 0n })
    const strict = { ...question, minMargin: 10n }
    expect(approves(strict, of(1, 10n))).to.equal(true)
    expect(approves(strict, of(1, 9n))).to.equal(false)
    expect(approves(strict, of(0, 99n))).to.equal(false)
    expect(approves({ ...strict, margins: false }, of(1, 99n))).to.equal(false)
  })

  it('hears why the contract refuses a verdict', async () => {
    const question = await world.ask(spend())
    const other = await world.ask(spend({ value: 3n * LIMIT }))
    const { proof } = await proveSpend(prover, other.bytes, other.context)
    const failed = await bringVerdict(world.guardAddress, world.prover, question, proof).catch(
      (error: unknown) => error,
    )
    expect(failed)
      .to.be.instanceOf(ServingError)
      .with.property('message')
      .match(/InvalidProof/)
  })
})
