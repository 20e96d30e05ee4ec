// SPDX-License-Identifier: GPL-3.0-or-later
// Who may read a keeper's monitoring: programs as ever, pages only of the config's origins and with the token, and nobody by a name that a
// stranger's DNS leads here.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Health, HealthServer } from '../../../keepers/agent/health-server.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { monitoringSchema, type PageAccess, pageAccessOf } from '../../../keepers/agent/page-access.ts'

const ORIGIN = 'https://console.example.org'
const TOKEN = '5d'.repeat(32)
/** The defences switched off: what an attack gets then. */
const OPEN: PageAccess = { hosts: null, origins: [], token: null }

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }

describe('pages that read a keeper’s monitoring', () => {
  let folder: string
  let file: string
  const servers: HealthServer[] = []
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-page-'))
    file = join(folder, 'token')
    writeFileSync(file, `${TOKEN}\n`)
  })
  after(async () => {
    for (const server of servers) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const start = async (access: PageAccess): Promise<number> => {
    const { registry } = new KeeperMetrics({ process: false })
    const metrics = () => registry.metrics()
    const health = async () => ({ healthy: true, operator: 'the operator' }) as unknown as Health
    const server = await HealthServer.start({ host: '127.0.0.1', port: 0, access }, { metrics, health })
    servers.push(server)
    return server.port
  }
  const configured = (more: object = {}) => {
    return pageAccessOf(monitoringSchema.parse({ page: { origins: [ORIGIN], tokenFile: file }, ...more }))
  }
  const ask = (port: number, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, method, path: '/healthz', headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() })
        })
      })
      sent.on('error', reject).end()
    })
  const bearer = (token: string) => ({ origin: ORIGIN, authorization: `Bearer ${token}` })

  it('answers a page of the config’s origins that has the token, and programs without one', async () => {
    const port = await start(configured())
    const page = await ask(port, bearer(TOKEN))
    expect(page.status).to.equal(200)
    expect(page.headers['access-control-allow-origin']).to.equal(ORIGIN)
    expect(page.headers.vary).to.equal('origin')
    expect(page.body).to.contain('the operator')
    const program = await ask(port)
    expect([program.status, program.headers['access-control-allow-origin']]).to.deep.equal([200, undefined])
  })

  it('is closed to pages unless the config opens it', async () => {
    const port = await start(pageAccessOf(monitoringSchema.parse({})))
    for (const method of ['GET', 'OPTIONS']) {
      const { status, headers, body } = await ask(port, bearer(TOKEN), method)
      expect([status, headers['access-control-allow-origin']], method).to.deep.equal([403, undefined])
      expect(body).to.not.contain('the operator')
    }
  })

  it('gives a page of another origin nothing, whatever token it has', async () => {
    const port = await start(configured())
    for (const origin of [
      'https://evil.example',
      'null',
      `${ORIGIN}.evil.example`,
      ORIGIN.toUpperCase(),
      `${ORIGIN}:1`,
    ]) {
      const { status, headers, body } = await ask(port, { ...bearer(TOKEN), origin })
      expect([status, headers['access-control-allow-origin']], origin).to.deep.equal([403, undefined])
      expect(body).to.not.contain('the operator')
      const preflight = await ask(port, { origin, 'access-control-request-private-network': 'true' }, 'OPTIONS')
      expect(preflight.status, origin).to.equal(403)
      expect(preflight.headers).to.not.have.any.keys(
        'access-control-allow-origin',
        'access-control-allow-private-network',
      )
    }
  })

  it('gives nothing without the token, or with another', async () => {
    const port = await start(configured())
    for (const authorization of ['', 'Bearer', `Bearer ${TOKEN}0`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`]) {
      const { status, body } = await ask(port, { origin: ORIGIN, ...(authorization === '' ? {} : { authorization }) })
      expect(status, authorization).to.equal(401)
      expect(body).to.not.contain('the operator')
    }
  })

  it('answers a preflight, and that of private networks where it is asked', async () => {
    const port = await start(configured())
    const asked = { origin: ORIGIN, 'access-control-request-headers': 'authorization' }
    const plain = await ask(port, asked, 'OPTIONS')
    expect(plain.status).to.equal(204)
    expect(plain.headers['access-control-allow-headers']).to.equal('authorization')
    expect(plain.headers).to.not.have.any.keys('access-control-allow-private-network')
    const own = await ask(port, { ...asked, 'access-control-request-private-network': 'true' }, 'OPTIONS')
    expect(own.headers['access-control-allow-private-network']).to.equal('true')
  })

  it('refuses a name that a stranger’s DNS leads to this machine, which gets in where names are not checked', async () => {
    // A page at http://evil.example:9464, whose name now leads to 127.0.0.1: the browser takes the request for one of the same origin.
    const rebound = { host: 'evil.example:9464' }
    const refused = await ask(await start(configured()), rebound)
    expect(refused.status).to.equal(421)
    expect(refused.body).to.contain('monitoring.hosts').and.not.contain('the operator')
    expect((await ask(await start(OPEN), rebound)).body).to.contain('the operator')
    const port = await start(configured({ hosts: ['keeper.example.org'] }))
    for (const host of ['127.0.0.1:9464', 'localhost:1', '[::1]:9464', '127.8.8.8', 'keeper.example.org']) {
      expect((await ask(port, { host })).status, host).to.equal(200)
    }
    for (const host of [
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      'keeper.example.org.',
      '10.0.0.1',
      '[::2]',
    ]) {
      expect((await ask(port, { host })).status, host).to.equal(421)
    }
  })

  it('keeps running when what is asked for fails', async () => {
    const fails = () => Promise.reject(new Error('no figures'))
    const options = { host: '127.0.0.1', port: 0, access: configured() }
    const server = await HealthServer.start(options, { metrics: fails, health: fails })
    servers.push(server)
    const { status, body } = await ask(server.port)
    expect([status, body]).to.deep.equal([500, ''])
  })

  it('is no picture or script of a page, by whose loading one could look for keepers', async () => {
    const { headers } = await ask(await start(configured()))
    expect(headers).to.include({
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
  })

  it('takes a renewed token at once, and no old one', async () => {
    const port = await start(configured())
    writeFileSync(file, 'ab'.repeat(32))
    expect((await ask(port, bearer(TOKEN))).status).to.equal(401)
    expect((await ask(port, bearer('ab'.repeat(32)))).status).to.equal(200)
    writeFileSync(file, TOKEN)
  })

  it('refuses terms that would give the token away, and says the fix', () => {
    const refusal = (monitoring: object): string => {
      const { error } = monitoringSchema.safeParse(monitoring)
      return error?.issues.map(({ message }) => message).join('; ') ?? ''
    }
    const page = { origins: [ORIGIN], tokenFile: file }
    expect(refusal({ host: '0.0.0.0', page })).to.contain('in the clear')
    for (const wrong of ['*', 'null', `${ORIGIN}/`, 'console.example.org', 'file:///x']) {
      expect(refusal({ page: { ...page, origins: [wrong] } }), wrong).to.contain('origin')
    }
    expect(refusal({ page: { ...page, origins: ['http://console.example.org'] } })).to.contain('https://')
    expect(refusal({ page: { ...page, origins: ['http://127.0.0.1:5173', 'http://localhost:1'] } })).to.equal('')
    writeFileSync(join(folder, 'short'), 'secret')
    for (const tokenFile of [join(folder, 'short'), join(folder, 'none')]) {
      expect(() => configured({ page: { ...page, tokenFile } })).to.throw('openssl rand -hex 32')
    }
  })
})
