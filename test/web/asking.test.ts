// SPDX-License-Identifier: GPL-3.0-or-later
// What the console has owners sign, provers prove and browsers remember, without a browser.
import { expect } from 'chai'
import { getBytes, Interface, MaxUint256, parseEther, toBeHex, ZeroAddress } from 'ethers'
import { contractInterface, parseDeployment } from '../../keepers/chain/index.ts'
import { commitRounded, prepareSegment } from '../../keepers/serving/index.ts'
import { decodeReference, decodeWitness } from '../../keepers/serving/prover-witness.ts'
import { calibrate, commitInput, encodeInput } from '../../keepers/zkml/index.ts'
import { madeDeployment } from '../../scripts/bench/console/deployment.ts'
import { keepInput, knownInput } from '../../web/src/ensembles/known-inputs.ts'
import { memberContext } from '../../web/src/ensembles/member-proof.ts'
import { safeHash } from '../../web/src/guards/safe.ts'
import { inWords, isUnread, parseSigning, standingOf } from '../../web/src/guards/signing.ts'
import { jobOf } from '../../web/src/model/job.ts'
import { keepIndex, parseIndex, withOwnIndex } from '../../web/src/site/own-index.ts'
import { twoLayers } from '../keepers/zkml/quantise/networks.ts'
import { Random } from '../keepers/zkml/random.ts'

const [SAFE, PAYEE, OTHER] = [1, 2, 3].map((n) => `0x${String(n).repeat(40)}`) as [string, string, string]
const CHAIN = 31337

/** Texts in memory, as a browser keeps them. */
function shelfOf(kept: Record<string, string> = {}) {
  return {
    kept,
    getItem: (key: string) => kept[key] ?? null,
    setItem(key: string, text: string): void {
      kept[key] = text
    },
    removeItem(key: string): void {
      delete kept[key]
    },
  }
}

describe('a transaction that the owners of a Safe sign', () => {
  const call = { to: PAYEE, value: parseEther('1'), data: '0x' }

  it('is in its link, and read from it', () => {
    expect(parseSigning(['4', PAYEE, String(call.value), '0x'])).to.deep.equal({ call, nonce: 4n })
  })

  for (const [parts, message] of [
    [['x', PAYEE, '1', '0x'], "'x' is no number of a transaction"],
    [['1', '0x12', '1', '0x'], "'0x12' is no address"],
    [['1', PAYEE, '-1', '0x'], "'-1' is no amount in wei"],
    [['1', PAYEE, String(2n ** 256n), '0x'], 'is no amount in wei'],
    [['1', PAYEE, '1', '0x123'], 'an even number of hexadecimal digits'],
    [['1', PAYEE, '1', `0x${'00'.repeat(10_001)}`], 'at most 10000 bytes'],
    [['1'], "'' is no address"],
  ] as const)
    it(`is refused when its link says ${parts.map((part) => part.slice(0, 12)).join('/')}`, () => {
      expect(() => parseSigning(parts)).to.throw(message)
    })

  it('has another hash when any part of it is another, so that approvals are for what was shown', () => {
    const hashes = [
      safeHash(CHAIN, SAFE, call, 4n),
      safeHash(1, SAFE, call, 4n),
      safeHash(CHAIN, OTHER, call, 4n),
      safeHash(CHAIN, SAFE, { ...call, to: OTHER }, 4n),
      safeHash(CHAIN, SAFE, { ...call, value: 1n }, 4n),
      safeHash(CHAIN, SAFE, { ...call, data: '0x00' }, 4n),
      safeHash(CHAIN, SAFE, call, 5n),
    ]
    expect(new Set(hashes)).to.have.property('size', hashes.length)
  })

  it('is said in words: a payment, a call of the guard, and what the page cannot read', () => {
    const guard = contractInterface('SpendingGuard')
    const announce = guard.encodeFunctionData('announce', [toBeHex(7n, 32)])
    expect(inWords(call, OTHER, SAFE)).to.equal(`pays 1 ether to ${PAYEE}`)
    expect(inWords({ to: OTHER, value: 0n, data: announce }, OTHER, SAFE)).to.equal(
      `calls announce(${toBeHex(7n, 32)}) of the guard`,
    )
    // The same bytes to another contract are another thing.
    expect(inWords({ to: PAYEE, value: 1n, data: announce }, OTHER, SAFE)).to.equal(
      `calls ${PAYEE}, with 0.000000000000000001 ether, with 36 bytes that this page cannot read`,
    )
    // Nor are the same bytes with more behind them.
    expect(isUnread(inWords({ to: OTHER, value: 0n, data: `${announce}00` }, OTHER, SAFE))).to.equal(true)
  })

  it('a link that takes the Safe over, or gives a token away, says so', () => {
    const settings = new Interface(['function addOwnerWithThreshold(address,uint256)', 'function setGuard(address)'])
    const token = new Interface(['function approve(address,uint256)'])
    const says = (to: string, data: string) => inWords({ to, value: 0n, data }, OTHER, SAFE)
    expect(says(SAFE, settings.encodeFunctionData('addOwnerWithThreshold', [PAYEE, 1n]))).to.equal(
      `CHANGES THE SAFE ITSELF: it calls addOwnerWithThreshold(${PAYEE}, 1) of the Safe`,
    )
    expect(says(SAFE, settings.encodeFunctionData('setGuard', [ZeroAddress]))).to.equal(
      `CHANGES THE SAFE ITSELF: it calls setGuard(${ZeroAddress}) of the Safe`,
    )
    expect(says(SAFE, '0x12345678')).to.match(/^CHANGES THE SAFE ITSELF: .* 4 bytes that this page cannot read/)
    expect(says(PAYEE, token.encodeFunctionData('approve', [OTHER, MaxUint256]))).to.equal(
      `calls approve(${OTHER}, ${MaxUint256}) of ${PAYEE}, if that is a token`,
    )
    // To another address, the bytes that change a Safe are unread bytes.
    expect(isUnread(says(PAYEE, settings.encodeFunctionData('setGuard', [ZeroAddress])))).to.equal(true)
  })

  it('waits for those before it, for signatures, and for nothing', () => {
    const safe = { owners: [PAYEE, OTHER], threshold: 2, guarded: true, nonce: 4n }
    const at = (nonce: bigint, approvers: string[]) => standingOf({ nonce, safe, approvers })
    expect([at(3n, [PAYEE, OTHER]), at(5n, []), at(4n, [PAYEE]), at(4n, [PAYEE, OTHER])]).to.deep.equal([
      ...['over', 'later', 'open', 'ready'],
    ])
  })
})

describe('an input that a page gives', () => {
  const random = new Random(5)
  const samples = Array.from({ length: 20 }, () => Float64Array.from(random.list(6, 0, 1)))
  const { program } = calibrate(twoLayers(random, 6, 4, 3, { kind: 'relu' }), samples, { mode: 'released' })
  const input = [0, 0.2, 0.4, 0.6, 0.8, 1]
  const committed = (salt: bigint): string => {
    const { bits, min } = program.input
    return toBeHex(commitInput(encodeInput(program, input, { clamp: true }), { bits, min }, salt), 32)
  }

  it('goes to provers with what opens its commitment', () => {
    const { inputCommitment, witness } = prepareSegment(program, input, true)
    const reference = decodeReference(getBytes(witness))
    const [segment] = decodeWitness('document' in reference ? reference.document : new Uint8Array())
    expect([...segment!.input]).to.deep.equal([...encodeInput(program, input, { clamp: true })])
    expect(inputCommitment).to.equal(committed(segment!.salts.input!))
  })

  it('stays in the tab with its salt, under its commitment alone', () => {
    const { inputCommitment, salt } = commitRounded(program, input, true)
    expect(inputCommitment).to.equal(committed(salt))
    const shelf = shelfOf()
    keepInput(inputCommitment, { input, salt }, shelf)
    expect(knownInput(inputCommitment, shelf)).to.deep.equal({ input, salt })
    expect(knownInput(toBeHex(1n, 32), shelf)).to.equal(null)
    shelf.kept[Object.keys(shelf.kept)[0]!] = '{"input":["x"],"salt":1}'
    expect(knownInput(inputCommitment, shelf)).to.equal(null)
  })

  it('is a job with its price in escrow for each prover that must agree', () => {
    const segment = { circuitId: toBeHex(1n, 32), modelCommitment: toBeHex(2n, 32), inputCommitment: toBeHex(3n, 32) }
    const order = { input, price: 5n, seconds: 100, copies: 3 }
    const { terms, segments, escrow } = jobOf(order, segment, 1_000)
    expect(escrow).to.equal(15n)
    expect(segments).to.deep.equal([segment])
    expect(terms).to.deep.equal({ startPrice: 5n, maxPrice: 5n, copies: 3, deadline: 1_100, claimSeconds: 100 })
    const abi: Interface = contractInterface('ProverMarket')
    expect(abi.encodeFunctionData('post', [terms, segments, '0x01'])).to.match(/^0x/)
  })
})

describe('a proof of a member’s answer', () => {
  it('is bound to its submitter, question and member, whatever an endpoint says', () => {
    const bound = {
      ...{ chainId: CHAIN, hub: OTHER, oracle: SAFE, questionId: 3n, member: 1, submitter: PAYEE },
      ...{ modelId: 2n, version: 4, deadline: 5_000 },
    }
    const contexts = [bound, { ...bound, submitter: OTHER }, { ...bound, questionId: 4n }, { ...bound, member: 0 }]
    expect(new Set(contexts.map(memberContext))).to.have.property('size', contexts.length)
  })
})

describe('the index that a visitor chooses', () => {
  const site = { deployment: parseDeployment(madeDeployment()), index: 'https://one.example/graphql' } as never

  it('takes the place of the copy’s own, until the choice is taken back', () => {
    const shelf = shelfOf()
    expect(withOwnIndex(site, shelf)).to.have.property('index', 'https://one.example/graphql')
    keepIndex(site, ' http://127.0.0.1:42069/graphql ', shelf)
    expect(withOwnIndex(site, shelf)).to.have.property('index', 'http://127.0.0.1:42069/graphql')
    keepIndex(site, '', shelf)
    expect(withOwnIndex(site, shelf)).to.have.property('index', null)
    keepIndex(site, null, shelf)
    expect(withOwnIndex(site, shelf)).to.have.property('index', 'https://one.example/graphql')
  })

  for (const typed of [
    'index.example',
    'http://index.example/graphql',
    'javascript:alert(1)',
    `https://${'x'.repeat(3_000)}`,
  ])
    it(`is not '${typed.slice(0, 40)}'`, () => {
      const shelf = shelfOf()
      expect(() => keepIndex(site, typed, shelf)).to.throw('is no address of an index: type one such as https://')
      expect(shelf.kept).to.deep.equal({})
    })

  it('is not what another page of the origin wrote', () => {
    const shelf = shelfOf()
    keepIndex(site, 'https://two.example/graphql', shelf)
    shelf.kept[Object.keys(shelf.kept)[0]!] = 'file:///etc/passwd'
    expect(withOwnIndex(site, shelf)).to.have.property('index', 'https://one.example/graphql')
    expect(parseIndex('https://two.example/graphql')).to.equal('https://two.example/graphql')
  })
})
