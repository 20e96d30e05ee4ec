// SPDX-License-Identifier: GPL-3.0-or-later
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { parseConfig } from '../../../keepers/agent/index.ts'
import { JobError, type QueueConfig, queueSchema, readAccess, withQueuePaths } from '../../../keepers/jobs/index.ts'
import { unavailable } from '../../../keepers/jobs/redis/connection.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

const FILES = { keyFile: 'workers.key', passwordFile: 'password' }

function refusal(settings: object): string {
  const parsed = queueSchema.safeParse(settings)
  return parsed.success
    ? 'taken'
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
}

describe('settings of a queue', () => {
  it('need TLS and a password for another machine, and neither on this one', () => {
    expect(refusal({ queue: 'redis://127.0.0.1:6379', keyFile: 'k' })).to.equal('taken')
    expect(refusal({ queue: 'redis://[::1]/2', keyFile: 'k' })).to.equal('taken')
    expect(refusal({ queue: 'rediss://user@queue.example.org', ...FILES })).to.equal('taken')
    const plain = { queue: 'redis://10.0.0.5:6379', ...FILES }
    expect(refusal(plain)).to.match(/^queue: .*another machine without TLS: use rediss:\/\/, or set allowPlaintext/)
    expect(refusal({ ...plain, queue: 'redis://127.0.0.1.example.org' })).to.match(/without TLS/)
    expect(refusal({ ...plain, allowPlaintext: true })).to.equal('taken')
    expect(refusal({ queue: 'rediss://queue.example.org', keyFile: 'k' })).to.match(
      /^passwordFile: is missing: queue.example.org/,
    )
    expect(refusal({ queue: 'redis://127.0.0.1', keyFile: 'k', caFile: 'c' })).to.match(/^caFile: is for rediss/)
  })

  it('name the field that is wrong', () => {
    const good = { queue: 'redis://127.0.0.1', keyFile: 'k' }
    for (const [wrong, expected] of [
      [{ queue: 'http://127.0.0.1' }, /^queue: takes a redis:\/\/ or rediss:\/\/ URL/],
      [{ queue: 'redis://:secret@127.0.0.1' }, /^queue: takes a URL without a password/],
      [{ name: 'A:b' }, /^name: takes up to 40 small letters/],
      [{ silentSeconds: 0 }, /^silentSeconds: /],
      [{ keyFile: undefined }, /^keyFile: /],
      [{ typo: 1 }, /typo/],
    ] as const) {
      expect(refusal({ ...good, ...wrong })).to.match(expected)
    }
  })

  it('are read from files that only their owner and group can read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-queue-'))
    try {
      const config: QueueConfig = withQueuePaths(queueSchema.parse({ queue: 'redis://127.0.0.1', ...FILES }), folder)
      expect([config.keyFile, config.passwordFile]).to.deep.equal([
        join(folder, 'workers.key'),
        join(folder, 'password'),
      ])
      expect(() => readAccess(config)).to.throw(JobError, /keyFile: cannot read .* \(ENOENT\)/)
      writeFileSync(config.keyFile, 'abc')
      expect(() => readAccess(config)).to.throw(JobError, /takes 64 hex digits: openssl rand/)
      writeFileSync(config.keyFile, `${'ab'.repeat(32)}\n`)
      chmodSync(config.keyFile, 0o644)
      expect(() => readAccess(config)).to.throw(JobError, /chmod 600/)
      chmodSync(config.keyFile, 0o440)
      writeFileSync(config.passwordFile!, 'secret\n')
      const access = readAccess(config)
      expect(access).to.deep.include({
        password: 'secret',
        key: new Uint8Array(32).fill(0xab),
        silentMs: 10_000,
        ca: null,
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('keep the password out of errors, though those of the server’s client carry the command that failed', () => {
    const refused = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['s3cret'] } })
    const access = { url: 'redis://127.0.0.1', name: 'q', key: new Uint8Array(32), password: 's3cret', ca: null }
    const error = unavailable({ ...access, silentMs: 1_000 }, refused)
    expect(inspect(error, { depth: 9, showHidden: true }))
      .to.include('WRONGPASS')
      .and.not.include('s3cret')
  })

  it('are a section of keeper.yaml, and the example`s is one', () => {
    const example = readFileSync(join(ROOT, 'keepers/agent/keeper.example.yaml'), 'utf8')
    const manifest = exampleManifest('logistic')
    expect(parseConfig(example, '/x', manifest).workers).to.equal(undefined)
    const at = example.indexOf('# workers: ')
    const section = example.slice(at, example.indexOf('\n\n', at)).replaceAll(/^# ?/gm, '')
    const parsed = parseConfig(`${example}\n${section}\n`, '/x', manifest).workers
    expect(parsed).to.deep.include({ keyFile: '/x/workers.key', passwordFile: '/x/queue.password', name: 'cohort' })
    expect(parsed?.kinds).to.deep.equal(['gradients', 'claims'])
    const wrong = section.replace('[gradients, claims]', '[proofs]')
    expect(() => parseConfig(`${example}\n${wrong}\n`, '/x', manifest)).to.throw(/workers\.kinds/)
    const plain = section.replace('rediss:', 'redis:')
    expect(() => parseConfig(`${example}\n${plain}\n`, '/x', manifest)).to.throw(/workers\.queue: .* without TLS/)
  })
})
