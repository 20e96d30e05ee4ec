// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper whose operator's key is elsewhere: configuration, folder, preflight, doctor.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { pino } from 'pino'
import { AgentError, examineKeeper, initKeeper, loadConfig, parseConfig } from '../../../keepers/agent/index.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { openOperator, operatorAddress, operatorOf, remoteOperator } from '../../../keepers/agent/operator.ts'
import { checkSigner } from '../../../keepers/agent/preflight.ts'
import { type RemoteSigner, SignerError, systemClock } from '../../../keepers/chain/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'
import { HostileSigner } from '../chain/hostile-signer.ts'

describe('an operator with its key elsewhere', function () {
  this.timeout(60_000)
  const wallet = Wallet.createRandom() as unknown as Wallet
  const folder = mkdtempSync(join(tmpdir(), 'cohort-operator-'))
  const home = join(folder, 'keeper')
  let server: HostileSigner
  before(async () => {
    server = await HostileSigner.start(wallet)
    await initKeeper({
      folder: home,
      passphrase: 'of this test only',
      scryptLog2N: 10,
      manifest: exampleManifest('mlp'),
      values: {
        'chain.rpc': ['http://127.0.0.1:9'],
        'service.address': `0x${'11'.repeat(20)}`,
        'data.source': 'none',
        'monitoring.port': 0,
        'keys.operator': undefined,
        'keys.remote': { url: server.url, address: wallet.address, timeoutSeconds: 1 },
      },
    })
  })
  beforeEach(() => {
    server.tampering = {}
  })
  after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')
  const withKeys = (lines: string): string => example.replace(/keys:\n {2}operator: .*\n/, `keys:\n${lines}\n`)
  const remote = (more = ''): string =>
    `  remote: { url: "https://signer.example", address: "${wallet.address}"${more} }`

  it('has no key in its folder, and an address that needs no passphrase', () => {
    expect(existsSync(join(home, 'operator.json'))).to.equal(false)
    expect(readFileSync(join(home, 'keeper.yaml'), 'utf8')).not.to.match(/^ {2}operator:/m)
    expect(operatorAddress(loadConfig(home).keys)).to.equal(wallet.address)
  })

  it('is configured with paths that start at the folder, and refused by key where it makes no sense', () => {
    const { keys } = parseConfig(
      withKeys(remote(', tokenFile: token, caFile: /etc/ca.pem')),
      '/srv/keeper',
      exampleManifest('mlp'),
    )
    expect(keys.remote).to.include({
      api: 'clef',
      timeoutSeconds: 10,
      tokenFile: '/srv/keeper/token',
      caFile: '/etc/ca.pem',
    })
    const wrong: [string, RegExp][] = [
      [`  operator: operator.json\n${remote()}`, /keys\.operator.*leave one of the two out/],
      [remote(', api: ledger'), /keys\.remote\.api/],
      [remote(', keyFile: key.pem'), /certificateFile.*belong together/],
      [remote(', caFile: ca.pem').replace('https', 'http'), /keys\.remote\.url.*has no TLS/],
      [remote().replace('https://', 'ftp://'), /keys\.remote\.url.*http/],
      [remote().replace(wallet.address, '0x12'), /keys\.remote\.address/],
      [remote(', password: x'), /unknown key/],
    ]
    for (const [lines, message] of wrong) {
      expect(() => parseConfig(withKeys(lines), '/x', exampleManifest('mlp')), lines).to.throw(AgentError, message)
    }
  })

  it('counts and logs what comes of each request, and refuses to be a keeper without any key', async () => {
    const { keys } = loadConfig(home)
    const metrics = new KeeperMetrics({ process: false, signer: true })
    const parts = { metrics, log: pino({ level: 'silent' }), clock: systemClock }
    const signer = operatorOf(keys, null, parts) as RemoteSigner
    await signer.signTypedData({ name: 'x' }, { A: [{ name: 'a', type: 'uint8' }] }, { a: 1 })
    server.tampering = { as: Wallet.createRandom() as unknown as Wallet }
    await signer.signTypedData({ name: 'x' }, { A: [{ name: 'a', type: 'uint8' }] }, { a: 1 }).catch(() => undefined)
    const shown = await metrics.registry.metrics()
    expect(shown).to.contain('cohort_signer_requests_total{outcome="signed"} 1')
    expect(shown).to.contain('cohort_signer_requests_total{outcome="altered"} 1')
    expect(shown).to.contain('cohort_signer_requests_total{outcome="unreachable"} 0')
    const none = { ...keys, remote: undefined }
    expect(() => operatorOf(none as typeof keys, null, parts)).to.throw(AgentError, /has no key/)
    expect((await openOperator(keys, '')).address).to.equal(wallet.address)
  })

  it('does not start with a signer of somebody else, but with one that is away for now', async () => {
    const warned: unknown[] = []
    const log = { warn: (details: unknown) => void warned.push(details) }
    const { keys } = loadConfig(home)
    const signer = () => remoteOperator(keys)!
    await checkSigner(signer(), log)
    // Clef asks its rules whether it says so.
    server.tampering = { error: { code: -32000, message: 'Request denied' } }
    await checkSigner(signer(), log)
    server.tampering = { result: [`0x${'22'.repeat(20)}`] }
    const wrong = await checkSigner(signer(), log).catch((error: unknown) => error)
    expect((wrong as AgentError).code).to.equal('NO_KEYS')
    expect((wrong as AgentError).message).to.contain(`has no key of ${wallet.address}, but of 0x2222`)
    server.tampering = { result: 'rubbish' }
    expect(await checkSigner(signer(), log).catch((error: unknown) => error)).to.be.instanceOf(SignerError)
    expect(warned).to.deep.equal([])
    server.tampering = { status: 502 }
    await checkSigner(signer(), log)
    expect(warned).to.have.length(1)
    expect(warned[0]).to.deep.include({ event: 'not signed', code: 'SIGNER_UNREACHABLE' })
  })

  it('is looked at by the doctor', async () => {
    const look = async () =>
      (await examineKeeper({ folder: home })).filter(({ name }) => ['signer', 'keys'].includes(name))
    expect(await look()).to.deep.equal([
      { name: 'keys', verdict: 'ok', found: `operator ${wallet.address}`, fix: null },
      { name: 'signer', verdict: 'ok', found: `${server.url} (clef) answers for ${wallet.address}`, fix: null },
    ])
    server.tampering = { status: 502 }
    const [, away] = await look()
    expect(away).to.include({ verdict: 'fail' })
    expect(away!.found).to.match(/answers 502/)
  })
})
