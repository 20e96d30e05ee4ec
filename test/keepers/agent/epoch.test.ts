// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { EpochEngine, eraseKeysBefore, type FrameRequest, secretName } from '../../../keepers/agent/epoch.ts'
import type { FheError } from '../../../keepers/fhe/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'

describe('keys of an epoch', () => {
  let folder: string
  let store: KeeperStore

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-epoch-'))
    const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
    store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('are erased when the epoch is over, those of later epochs are not', () => {
    const name = (epoch: number) => secretName({ epoch, crsSeed: `0x${'5e'.repeat(32)}` }, 'key')
    for (const epoch of [1, 2, 3, 10]) store.putSecret(name(epoch), Uint8Array.of(epoch))
    eraseKeysBefore(store, 3)
    expect([1, 2, 3, 10].map((epoch) => store.getSecret(name(epoch)) !== null)).to.deep.equal([
      false,
      false,
      true,
      true,
    ])
    eraseKeysBefore(store, 2)
    eraseKeysBefore(store, 4)
    expect(store.getSecret(name(3))).to.equal(null)
    expect(store.getSecret(name(10))).to.deep.equal(Uint8Array.of(10))
  })

  it('are made for members that fit together, and not for others', async function () {
    this.timeout(20_000)
    const engine = new EpochEngine()
    const member = (seat: number) => ({
      seat,
      address: `0x${String(seat + 1).padStart(40, '0')}` as const,
      encryptionKey: new Uint8Array(32).fill(seat + 1),
    })
    const request: FrameRequest = {
      context: { chainId: 1n, service: `0x${'1'.padStart(40, '0')}`, epoch: 1 },
      crsSeed: `0x${'5e'.repeat(32)}`,
      roster: [member(0), member(2), member(5)],
      seat: 2,
      threshold: 2,
      decryptionsPerKey: 100,
      vectorLength: 2410,
      terms: exampleManifest('small-cnn', { rounds: { minTotalSamples: 20_000 } }).rounds,
    }
    const frame = await engine.frame(request)
    expect(frame.self).to.equal(1)
    expect(await engine.frame(request)).to.equal(frame)
    // The same epoch of another fork of the chain is another epoch.
    const fork = await engine.frame({ ...request, crsSeed: `0x${'5f'.repeat(32)}` })
    expect(fork).to.not.equal(frame)
    const refused = await engine.frame({ ...request, threshold: 1, context: { ...request.context, epoch: 2 } }).then(
      () => null,
      (error: FheError) => error.code,
    )
    expect(refused).to.equal('invalid-parameters')
    await engine.close()
  })
})
