// SPDX-License-Identifier: GPL-3.0-or-later
// An operator's key in another process: what it signs is used only when it is what was asked for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { expect } from 'chai'
import { Signature, Transaction, verifyTypedData, Wallet } from 'ethers'
import { RemoteSigner, type RemoteSignerOptions, SIGNER_APIS, SignerError } from '../../../keepers/chain/index.ts'
import type { WholeTransaction } from '../../../keepers/chain/signer/signer.ts'
import { type Clef, findClef, rulesFor, startClef } from './clef.ts'
import { HostileSigner, type Tampering } from './hostile-signer.ts'
import { NOBODY, sharedChain, type TestChain } from './test-chain.ts'

const ASKED: WholeTransaction = {
  type: 2,
  chainId: 31337n,
  to: '0x00000000000000000000000000000000000000AA',
  data: '0x12345678aabbccdd',
  value: 0n,
  gasLimit: 700_000n,
  nonce: 7,
  maxFeePerGas: 30_000_000_000n,
  maxPriorityFeePerGas: 1_000_000_000n,
}
const DOMAIN = { name: 'Cohort LearningService', version: '1', chainId: 31337, verifyingContract: ASKED.to! }
const TYPES = {
  Step: [
    { name: 'call', type: 'bytes' },
    { name: 'disputed', type: 'bool' },
  ],
}
/** Data with a field that has the name of a domain's. */
const DISGUISED = {
  Transfer: [
    { name: 'verifyingContract', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
}
const VALUE = { call: '0xabcdef', disputed: true }

async function refusal(body: Promise<unknown>): Promise<SignerError> {
  try {
    await body
  } catch (error) {
    if (error instanceof SignerError) return error
    throw error
  }
  throw new Error('expected a SignerError')
}

describe('a remote signer', () => {
  const wallet = Wallet.createRandom() as unknown as Wallet
  const other = Wallet.createRandom() as unknown as Wallet
  const folder = mkdtempSync(join(tmpdir(), 'cohort-signer-'))
  let server: HostileSigner
  before(async () => {
    server = await HostileSigner.start(wallet)
  })
  beforeEach(() => {
    server.tampering = {}
    server.asked.length = 0
  })
  after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const signer = (options: Partial<RemoteSignerOptions> = {}): RemoteSigner =>
    new RemoteSigner({ url: server.url, api: 'clef', address: wallet.address, timeout: 2_000, ...options })

  for (const api of SIGNER_APIS) {
    it(`of the kind ${api} gives the bytes that the key itself gives`, async () => {
      const remote = signer({ api })
      expect(await remote.accounts()).to.deep.equal([wallet.address])
      expect(await remote.signTransaction(ASKED)).to.equal(await wallet.signTransaction(ASKED))
      const signature = await remote.signTypedData(DOMAIN, TYPES, VALUE)
      expect(signature).to.equal(await wallet.signTypedData(DOMAIN, TYPES, VALUE))
      expect(verifyTypedData(DOMAIN, TYPES, VALUE, signature)).to.equal(wallet.address)
      expect(remote.trouble).to.equal(null)
    })
  }

  const CHANGES: [string, NonNullable<Tampering['changes']>, RegExp][] = [
    ['to', { to: other.address }, new RegExp(`another transaction: to is ${other.address}, asked for ${ASKED.to}`)],
    ['value', { value: 1n }, /value is 1, asked for 0/],
    ['nonce', { nonce: 8 }, /nonce is 8, asked for 7/],
    ['chainId', { chainId: 1n }, /chainId is 1, asked for 31337/],
    ['data', { data: '0x1234567800' }, /data is 0x1234567800, asked for 0x12345678aabbccdd/],
    ['gasLimit', { gasLimit: 21_000n }, /gasLimit is 21000/],
    ['maxFeePerGas', { maxFeePerGas: 10n ** 15n }, /maxFeePerGas is 1000000000000000/],
    ['maxPriorityFeePerGas', { maxPriorityFeePerGas: 2n }, /maxPriorityFeePerGas is 2/],
    ['type', { type: 0, maxFeePerGas: null, maxPriorityFeePerGas: null, gasPrice: 5n }, /type is 0, asked for 2/],
    ['an access list', { accessList: [{ address: other.address, storageKeys: [] }] }, /access list/],
  ]
  for (const [field, changes, message] of CHANGES) {
    it(`that changes ${field} is refused by name, and nothing of it used`, async () => {
      for (const api of ['clef', 'json-rpc'] as const) {
        server.tampering = { changes }
        const remote = signer({ api })
        const error = await refusal(remote.signTransaction(ASKED))
        expect(error.code).to.equal('SIGNER_ALTERED')
        expect(error.message).to.match(message)
        expect(remote.trouble).to.equal(error.message)
        expect(server.asked.length, 'asked once: it is not worth asking again').to.equal(1)
        server.asked.length = 0
      }
    })
  }

  it('that signs with another key, with the mirror image, other typed data or rubbish is refused', async () => {
    const foreign = await other.signTypedData(DOMAIN, TYPES, VALUE)
    const elsewhere = await wallet.signTypedData({ ...DOMAIN, chainId: 1 }, TYPES, VALUE)
    const cases: [Tampering, RegExp][] = [
      [{ as: other }, new RegExp(`a signature of ${other.address}`)],
      [{ mirror: true }, /not a signature|signature of nobody/],
      [{ result: foreign }, new RegExp(`a signature of ${other.address}`)],
      [{ result: elsewhere }, /or of other bytes/],
      [{ result: '0x' }, /not a signature/],
      [{ result: `0x${'00'.repeat(65)}` }, /a signature/],
      [{ result: { signature: '0x' } }, /not a signature/],
      [{ result: null }, /not a signature/],
    ]
    for (const api of SIGNER_APIS) {
      for (const [tampering, message] of cases) {
        server.tampering = {}
        const remote = signer({ api })
        // Web3Signer's list of keys is asked for once.
        await remote.signTypedData(DOMAIN, TYPES, VALUE)
        server.tampering = tampering
        const error = await refusal(remote.signTypedData(DOMAIN, TYPES, VALUE))
        expect([error.code, message.test(error.message), error.message]).to.deep.equal([
          'SIGNER_ALTERED',
          true,
          error.message,
        ])
      }
    }
    server.tampering = { result: '0x02c0' }
    expect((await refusal(signer().signTransaction(ASKED))).message).to.match(/not a transaction/)
    server.tampering = { result: Transaction.from(ASKED).unsignedSerialized }
    expect((await refusal(signer().signTransaction(ASKED))).message).to.match(/without a signature/)
  })

  it('that sends a signature of the transaction alone is as good', async () => {
    const signed = Transaction.from(await wallet.signTransaction(ASKED))
    server.tampering = { result: Signature.from(signed.signature!).serialized }
    expect(await signer({ api: 'json-rpc' }).signTransaction(ASKED)).to.equal(signed.serialized)
  })

  it('that refuses says so in one line, without a second question', async () => {
    const cases: [Tampering, RegExp][] = [
      [
        { error: { code: -32000, message: 'Request denied\n\u001b[31mred' } },
        /refuses account_signTransaction: Request denied \[31mred$/,
      ],
      [{ error: { code: -32601, message: 'no such method' } }, /is its kind right\?/],
      [{ status: 401, body: 'who are you' }, /answers 401: who are you; check its allowed hosts.*token/],
      [{ status: 404, body: '' }, /answers 404$/],
    ]
    for (const [tampering, message] of cases) {
      server.tampering = tampering
      server.asked.length = 0
      const error = await refusal(signer().signTransaction(ASKED))
      expect([error.code, error.exitCode]).to.deep.equal(['SIGNER_REFUSED', 77])
      expect(error.message).to.match(message)
      expect(server.asked.length).to.equal(1)
    }
    server.tampering = {}
    const error = await refusal(signer({ api: 'web3signer', address: other.address }).signTransaction(ASKED))
    expect(error.message).to.contain(`no key of ${other.address}`)
  })

  it('that stalls, fails, floods or is gone is asked three times, and told as out of reach', async () => {
    const outcomes: (string | null)[] = []
    const patient = { timeout: 300, onEnd: (error: SignerError | null) => outcomes.push(error?.code ?? null) }
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() }
    const cases: [Tampering, RegExp][] = [
      [{ stall: true }, /cannot be reached \(no answer within 0.3 s\)/],
      [{ status: 503, body: 'busy' }, /answers 503: busy/],
      [{ status: 200, body: 'x'.repeat(2 ** 20 + 1) }, /more than 1048576 bytes/],
    ]
    for (const [tampering, message] of cases) {
      server.tampering = tampering
      server.asked.length = 0
      const error = await refusal(signer({ ...patient, clock }).signTransaction(ASKED))
      expect([error.code, error.exitCode, server.asked.length]).to.deep.equal(['SIGNER_UNREACHABLE', 69, 3])
      expect(error.message).to.match(message)
    }
    const gone = await refusal(signer({ ...patient, clock, url: 'http://127.0.0.1:9/secret' }).signTransaction(ASKED))
    expect(gone.message).to.match(/http:\/\/127\.0\.0\.1:9 cannot be reached \(ECONNREFUSED\)/)
    expect(new Set(outcomes)).to.deep.equal(new Set(['SIGNER_UNREACHABLE']))
    // And comes back.
    server.tampering = { status: 503 }
    const sleep = async () => {
      server.tampering = {}
    }
    const remote = signer({ ...patient, clock: { ...clock, sleep } })
    expect(await remote.signTransaction(ASKED)).to.equal(await wallet.signTransaction(ASKED))
    expect([remote.trouble, outcomes.at(-1)]).to.deep.equal([null, null])
  })

  it('gets a token by header from a file that is read each time, and never in the clear over a network', async () => {
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 'first\n')
    const remote = signer({ tokenFile })
    await remote.accounts()
    expect(server.headers.authorization).to.equal('Bearer first')
    writeFileSync(tokenFile, 'second')
    await remote.accounts()
    expect(server.headers.authorization).to.equal('Bearer second')
    const make = () => signer({ tokenFile, url: 'http://192.0.2.1:8550' })
    expect(make).to.throw(SignerError, /token or password would cross the network in the clear: use https/)
    // The same in other letters, and by the URL's own user and password.
    expect(() => signer({ tokenFile, url: 'HTTP://192.0.2.1:8550' })).to.throw(SignerError, /in the clear/)
    for (const user of ['keeper:secret', 'secret']) {
      expect(() => signer({ url: `http://${user}@192.0.2.1:8550` })).to.throw(
        SignerError,
        /in the clear: use https:\/\/ in place of http:\/\/192\.0\.2\.1:8550$/,
      )
      expect(() => signer({ url: `https://${user}@192.0.2.1:8550` })).not.to.throw()
    }
    rmSync(tokenFile)
    expect((await refusal(remote.accounts())).code).to.equal('SIGNER_CONFIG')
  })

  describe('before a keeper’s transactions', function () {
    this.timeout(60_000)
    let chain: TestChain
    before(async () => {
      chain = await sharedChain()
    })

    it('signs them; one that diverts them sends nothing, and the same act goes out once it signs again', async () => {
      const owner = chain.wallet(1)
      await using stack = new AsyncDisposableStack()
      const own = await HostileSigner.start(owner)
      stack.defer(() => own.stop())
      const remote = new RemoteSigner({ url: own.url, api: 'clef', address: owner.address, timeout: 1_000 })
      const queue = chain.queue(chain.store(), { wallet: remote })
      const [before, nonce] = [await chain.received(), await chain.nonce()]
      own.tampering = { changes: { to: other.address, value: 5n } }
      expect((await refusal(queue.send(chain.transfer('remote/1', 3n)))).code).to.equal('SIGNER_ALTERED')
      expect([await chain.received(), await chain.nonce()]).to.deep.equal([before, nonce])
      own.tampering = {}
      const receipt = await queue.send(chain.transfer('remote/1', 3n))
      expect([receipt.status, (await chain.received()) - before, await chain.nonce()]).to.deep.equal([1, 3n, nonce + 1])
    })

    it('is asked by rules that look at the domain of typed data, not at a field of that name in what is signed', () => {
      const [service, registry] = [chain.token, NOBODY]
      const rules = createContext({})
      runInContext(rulesFor({ service, registry }), rules)
      // As Clef shows typed data to its rules: go-ethereum's apitypes.TypedData.Format.
      const field = (name: string, value: unknown, type: string) => ({ name, value, type })
      const ask = (verifyingContract: string | null, message: object[], more: object = {}) => {
        const contract = verifyingContract === null ? [] : [field('verifyingContract', verifyingContract, 'address')]
        const domain = field('EIP712Domain', [field('name', 'A token', 'string'), ...contract], 'domain')
        const messages = [domain, field('Transfer', message, 'primary type')]
        const request = JSON.stringify({ content_type: 'data/typed', messages, ...more })
        return runInContext(`ApproveSignData(${request})`, rules)
      }
      for (const ours of [service, service.toLowerCase(), registry]) expect(ask(ours, [])).to.equal('Approve')
      const field712 = [field('verifyingContract', service, 'address'), field('amount', '5 (0x5)', 'uint256')]
      expect(ask(other.address, [])).to.equal('Reject')
      expect(ask(other.address, field712)).to.equal('Reject')
      expect(ask(null, field712)).to.equal('Reject')
      expect(ask(service, [], { content_type: 'text/plain' })).to.equal('Reject')
      expect(ask(service, [], { messages: [field('EIP712Domain', [], 'primary type')] })).to.equal('Reject')
      expect(ask(service, [], { messages: [] })).to.equal('Reject')
    })

    it('is Clef, with rules that allow the service’s contracts and nothing else', async function () {
      const program = findClef()
      if (program === null) this.skip()
      const owner = chain.wallet(1)
      const clef: Clef = await startClef(program, join(folder, 'clef'), owner, {
        service: chain.token,
        registry: NOBODY,
      })
      try {
        const remote = new RemoteSigner({ url: clef.url, api: 'clef', address: owner.address, timeout: 5_000 })
        expect(await remote.accounts()).to.deep.equal([owner.address])
        const queue = chain.queue(chain.store(), { wallet: remote })
        const before = await chain.received()
        const receipt = await queue.send(chain.transfer('clef/1', 2n))
        expect([receipt.status, receipt.from, (await chain.received()) - before]).to.deep.equal([1, owner.address, 2n])
        const domain = { ...DOMAIN, verifyingContract: chain.token }
        const signature = await remote.signTypedData(domain, TYPES, VALUE)
        expect(signature).to.equal(await owner.signTypedData(domain, TYPES, VALUE))
        // What its rules do not allow, nobody gets, whoever has this process.
        const coins = await refusal(remote.signTransaction({ ...ASKED, to: chain.token, value: 1n }))
        const elsewhere = await refusal(remote.signTransaction(ASKED))
        const typed = await refusal(remote.signTypedData(DOMAIN, TYPES, { ...VALUE, call: chain.token }))
        const disguised = await refusal(
          remote.signTypedData(DOMAIN, DISGUISED, { verifyingContract: chain.token, amount: 5n }),
        )
        for (const error of [coins, elsewhere, typed, disguised]) expect(error.message).to.match(/refuses account_sign/)
      } finally {
        await clef.stop()
      }
    })
  })
})
