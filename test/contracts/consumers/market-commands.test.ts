// SPDX-License-Identifier: GPL-3.0-or-later
// Markets as their users type them: each step is a command of `cohort market`, and the contracts decide.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ZeroHash } from 'ethers'
import { proofFileText } from '../../../keepers/cli/zkml/proof-file.ts'
import { command } from '../../commands/command-line.ts'
import { deploymentOf } from '../../keepers/cli/deployment.ts'
import type { Proof } from '../inference/tiny-circuit.ts'
import { createInputMarkets, IMAGE } from './input-market.ts'
import { DAY, DISPUTE, INVALID, MARGIN, UNIT } from './market.ts'
import { labelled } from './reading-circuit.ts'
import { serveChain } from './spend-model.ts'

const [MAKER, BUYER, STRANGER] = ['1', '2', '3']

describe('cohort market', function () {
  this.timeout(240_000)
  let world: Awaited<ReturnType<typeof createInputMarkets>>
  let chain: Awaited<ReturnType<typeof serveChain>>
  let folder: string
  let start: { restore(): Promise<void> }
  const market = (...args: string[]) =>
    command('market', ...args, '--deployment', join(folder, 'deployment.json'), '--rpc', chain.url)
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await market(...args, '--json')
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return JSON.parse(stdout)
  }
  const opened = (...args: string[]) =>
    done(
      ...[
        'create',
        '--text',
        'Does the harbour stay closed?',
        '--model',
        '3',
        '--closes',
        '+10d',
        '--deadline',
        '+12d',
      ],
      ...['--classes', '0,1,-,0', '--min-margin', String(MARGIN), '--account', MAKER!, ...args],
    )
  const file = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const proofFile = (proof: Proof, signals: readonly bigint[]): Promise<string> => {
    const flip = ([x, y]: readonly [bigint, bigint]) => [y, x] as const
    const made = { a: proof.a, b: [flip(proof.b[0]), flip(proof.b[1])] as const, c: proof.c }
    const of = { circuitId: ZeroHash, vkHash: ZeroHash, setup: 'local' } as const
    return file('proof.json', proofFileText({ proof: made, publicSignals: signals }, of))
  }
  /** What a newsroom and a prover bring: files of story, signature and proof. */
  const news = async (marketId: bigint, label = 0) => {
    const { story, signature, proof, inputCommitment, output, context } = await world.tell(marketId, { label })
    const signed = ['--story', await file('story.bin', story), '--key', '1', '--signature', signature]
    return { signed, proof: await proofFile(proof, [1n, inputCommitment, output, context]) }
  }
  const balance = async (account: string) => await world.token.balanceOf(world.accounts[Number(account)]!)

  before(async () => {
    world = await createInputMarkets()
    const factory = await world.ethers.deployContract('OutcomePoolFactory', [world.market])
    chain = await serveChain(world.ethers.provider)
    folder = await mkdtemp(join(tmpdir(), 'cohort-market-'))
    const { market, inputs, hub, token, publishers, verifiers } = world
    const { contracts, ...rest } = deploymentOf(31337)
    const address = async (contract: { getAddress(): Promise<string> }) => await contract.getAddress()
    const deployed = {
      ...contracts,
      PredictionMarket: await address(market),
      InputMarket: await address(inputs),
      OutcomePoolFactory: await address(factory),
      InferenceHub: await address(hub),
      CohortToken: await address(token),
      PublisherRegistry: await address(publishers),
      VerifierRegistry: await address(verifiers),
    }
    await file('deployment.json', JSON.stringify({ ...rest, contracts: deployed }))
    start = await world.networkHelpers.takeSnapshot()
  })
  beforeEach(() => start.restore())
  after(async () => {
    await chain?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('opens a market, gives it a price, trades it, resolves it by a proof, and pays', async () => {
    expect((await market('list')).stdout).to.match(/No markets here/)
    expect(await opened('--publisher', '1')).to.include({ marketId: '1' })
    const shown = await done('show', '1')
    expect(shown).to.deep.include({ status: 'trading', outcomes: 2, classes: [0, 1, null, 0], version: '1' })
    expect(shown).to.include({ tag: await world.market.tagOf(1n), context: String(await world.market.contextOf(1n)) })
    expect(shown.deadline - shown.closesAt).to.equal(2 * DAY)

    await done('provide', '1', '--amount', '100', '--odds', '3,1', '--account', MAKER!)
    const more = await done('provide', '1', '--amount', '50.5', '--account', MAKER!)
    expect(BigInt(more.shares)).to.be.above(50n * UNIT)
    const [pool] = (await done('show', '1')).pools
    expect(pool.prices).to.deep.equal([0.75, 0.25])

    const before = await balance(BUYER!)
    const bought = await done('buy', '1', '--outcome', '0', '--amount', '30', '--account', BUYER!)
    expect(before - (await balance(BUYER!))).to.equal(30n * UNIT)
    const held = await done('show', '1', '--account', BUYER!)
    expect(held.holdings).to.deep.equal([bought.tokens, '0'])
    const sold = await done('sell', '1', '--outcome', '0', '--amount', '5', '--account', BUYER!)
    expect(before - (await balance(BUYER!))).to.equal(25n * UNIT)
    const left = BigInt(bought.tokens) - BigInt(sold.tokens)

    const { signed, proof } = await news(1n)
    expect(await done('resolve', '1', '--proof', proof, ...signed, '--account', STRANGER!)).to.include({ outcome: 0 })
    expect((await done('show', '1')).resolution).to.include({ outcome: 0, flagged: null })
    await world.networkHelpers.time.increase(DISPUTE)
    await world.networkHelpers.mine()
    const redeemed = await done('redeem', '1', '--account', BUYER!)
    expect(BigInt(redeemed.paid)).to.equal(left)
    expect((await balance(BUYER!)) - before).to.equal(left - 25n * UNIT)
    const taken = await done('withdraw', '1', '--account', MAKER!)
    expect(BigInt(taken.paid)).to.be.above(0n)
    expect((await market('list')).stdout).to.match(/^ {3}1 {2}final {5}2 outcomes {2}closes .* COH\n$/)
  })

  it('lists the others whatever one market`s token does, and says that it is not the deployment`s', async () => {
    const hostile = `0x${'be'.repeat(20)}`
    // Reverts on every call.
    await world.ethers.provider.send('hardhat_setCode', [hostile, '0x60006000fd'])
    await opened('--publisher', '1')
    await opened('--publisher', '1', '--collateral', hostile)
    const listed = await market('list')
    expect(listed.code, listed.stderr).to.equal(0)
    const lines = listed.stdout.trimEnd().split('\n')
    expect(lines).to.have.length(2)
    expect(lines[0]!.toLowerCase()).to.contain(hostile)
    expect(lines[1]).to.match(/ COH$/)
    expect((await market('show', '2')).stdout).to.match(/^paid in +0x[bB].*, not the deployment's token$/m)
    expect((await market('show', '1')).stdout).not.to.contain('paid in')
  })

  it('sells all that is held, for as much as it fetches', async () => {
    await opened('--publisher', '1')
    await done('provide', '1', '--amount', '100', '--odds', '1,1', '--fee', '0', '--account', MAKER!)
    const before = await balance(BUYER!)
    await done('buy', '1', '--outcome', '1', '--amount', '40', '--fee', '0', '--account', BUYER!)
    await done('sell', '1', '--outcome', '1', '--fee', '0', '--account', BUYER!)
    // Without a fee a trade and its reverse cost nothing but the thousandth by which a sale is searched.
    const lost = before - (await balance(BUYER!))
    expect(lost >= 0n && lost < UNIT / 10n, String(lost)).to.equal(true)
    await done('split', '1', '--amount', '2.5', '--account', BUYER!)
    await done('merge', '1', '--amount', '2.5', '--account', BUYER!)
    expect(before - (await balance(BUYER!))).to.equal(lost)
  })

  it('records a story, challenges and defends a reading, and pays the bond of whoever was right', async () => {
    await opened('--publisher', '1')
    await done('split', '1', '--amount', '1000', '--account', MAKER!)
    const { signed, proof } = await news(1n, 1)
    await done('record', '1', ...signed, '--account', STRANGER!)
    const resolving = ['resolve', '1', '--proof', proof, ...signed, '--account', STRANGER!]
    expect(await done(...resolving)).to.include({ outcome: 1 })
    const before = await balance(BUYER!)
    const due = await world.market.challengeBond(1n)
    const { bond } = await done('dispute', '1', '--account', BUYER!)
    expect(BigInt(bond)).to.equal(due)
    expect(before - (await balance(BUYER!))).to.equal(due)
    expect(await done('dispute', '1', '--defend', '--account', STRANGER!)).to.include({ bond })
    expect((await done('show', '1')).resolution).to.include({ flagged: 'challenged' })
    await world.market.connect(world.dao).settle(1n, 0)
    await done('bond', '1', '--account', BUYER!)
    expect((await balance(BUYER!)) - before).to.equal(due / 2n)
  })

  it('flags a resolution whose key was revoked', async () => {
    await opened('--publisher', '1')
    const { signed, proof } = await news(1n)
    await done('resolve', '1', '--proof', proof, ...signed, '--account', STRANGER!)
    const early = await market('dispute', '1', '--flag', '--account', BUYER!)
    expect([early.code, early.stderr]).to.deep.equal([1, early.stderr])
    expect(early.stderr).to.match(/flag: NoGroundsToFlag\(marketId=1\)/)
    await world.publishers.connect(world.owner).revokeKey(1)
    await done('dispute', '1', '--flag', '--account', BUYER!)
    expect((await done('show', '1')).resolution).to.include({ flagged: 'key revoked' })
    await world.market.connect(world.dao).settle(1n, INVALID)
    expect(await done('show', '1')).to.include({ status: 'invalid' })
  })

  it('opens an input market, and resolves it by the proof about the pinned input', async () => {
    const inputs = ['--inputs', '--input', IMAGE]
    expect(await opened(...inputs)).to.include({ marketId: '1' })
    expect((await done('show', '1', '--inputs')).input).to.include({ pinned: IMAGE, payout: 'classes' })
    const context = await world.inputs.contextOf(1n)
    const output = labelled(1, MARGIN)
    const proof = await proofFile(await world.proofOf(1n, output), [1n, BigInt(IMAGE), output, context])
    expect(await done('resolve', '1', ...inputs, '--proof', proof, '--account', STRANGER!)).to.include({ outcome: 1 })
    const split = await market('provide', '1', '--inputs', '--amount', '1', '--account', MAKER!)
    expect(split.stderr).to.match(/makes pools for story markets/)
  })

  it('says in one line what is wrong, and sends nothing', async () => {
    await opened('--publisher', '1')
    const { signed, proof } = await news(1n)
    const [, story] = signed as [string, string]
    const other = await file('other.bin', (await readFile(story)).fill(0x11, 0, 8))
    const fresh = await file('fresh.json', await readFile(proof))
    const stale = await proofFile((await world.tell(1n)).proof, [1n, 2n, 3n, 4n])
    const nonces = () =>
      Promise.all(world.accounts.map((account) => world.ethers.provider.getTransactionCount(account)))
    const before = await nonces()
    const create = ['create', '--text', 'x', '--closes', '+1d', '--deadline', '+2d', '--account', MAKER!]
    const cases: [args: string[], code: number, message: RegExp][] = [
      [['show', '9'], 1, /there are story markets 1 to 1, not 9/],
      [
        ['buy', '1', '--outcome', '0', '--amount', '1', '--account', BUYER!],
        1,
        /has no pool with a fee of 1 %: `cohort market provide`/,
      ],
      [['buy', '1', '--outcome', '0', '--amount', '-1'], 64, /a decimal number above 0/],
      [['provide', '1', '--amount', '1', '--fee', '11', '--account', MAKER!], 64, /a percentage from 0 to 10/],
      [['split', '1', '--amount', `1.${'1'.repeat(19)}`, '--account', MAKER!], 64, /the token has 18 decimals/],
      [['split', '1', '--amount', '999999999', '--account', MAKER!], 1, /units of the collateral, 9+0+ are needed/],
      [['redeem', '1'], 64, /this needs an account/],
      [[...create, '--model', '3'], 64, /a story market needs its publisher/],
      [[...create, '--model', '1', '--publisher', '1', '--classes', '0,1'], 64, /follows the releases/],
      [
        [...create, '--model', '3', '--publisher', '1', '--input', IMAGE],
        64,
        /input, payout, lower and width are for input markets/,
      ],
      [[...create, '--model', '3', '--publisher', '1', '--closes', 'soon'], 64, /a time such as 2026-12-01T12:00Z/],
      [
        [...create, '--model', '3', '--publisher', '1', '--classes', '0,0'],
        1,
        /createMarket: OutcomeUnreachable\(outcome=1\)/,
      ],
      [
        [
          'resolve',
          '1',
          '--proof',
          fresh,
          '--story',
          other,
          '--key',
          '1',
          '--signature',
          '0x11',
          '--account',
          STRANGER!,
        ],
        64,
        /begins with its tag/,
      ],
      [['resolve', '1', '--proof', stale, ...signed, '--account', STRANGER!], 65, /is for context 4, market 1 has/],
      [['resolve', '1', '--proof', fresh, '--account', STRANGER!], 64, /this needs --story/],
    ]
    for (const [args, code, message] of cases) {
      const run = await market(...args)
      expect(run.stderr, args.join(' ')).to.match(message)
      expect(run.code, `${args.join(' ')}: ${run.stderr}`).to.equal(code)
    }
    expect(await nonces()).to.deep.equal(before)
  })
})
