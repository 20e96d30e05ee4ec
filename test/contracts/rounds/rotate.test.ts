// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's folder and seat that go to another operator in the middle of a round, on the contracts themselves.
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseEther, Wallet } from 'ethers'
import {
  initKeeper,
  loadConfig,
  type OwnerSession,
  operatorAddress,
  rotateOperator,
} from '../../../keepers/agent/index.ts'
import { keystoreAddress, openKeystore } from '../../../keepers/chain/index.ts'
import { KeeperStore, type StoreError } from '../../../keepers/store/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'
import { HostileSigner } from '../../keepers/chain/hostile-signer.ts'
import { operatorWallet, type Player, salt, type World } from './fixture.ts'
import { numbers, training } from './play.ts'
import { CALLS } from './relay.ts'

const PASSPHRASE = 'of this test only'

describe('another operator for a keeper', function () {
  this.timeout(120_000)
  let world: World
  let player: Player
  let folder: string
  let home: string
  beforeEach(async () => {
    world = await training()
    player = world.players[1]!
    folder = mkdtempSync(join(tmpdir(), 'cohort-rotate-'))
    home = join(folder, 'keeper')
    await initKeeper({
      ...{ folder: home, passphrase: PASSPHRASE, scryptLog2N: 10, manifest: exampleManifest('mlp') },
      operatorKey: operatorWallet(1).privateKey,
      values: { 'service.address': await world.service.getAddress() },
    })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const session = (): OwnerSession => {
    const { service, registry, models, ethers } = world
    const parts = { contracts: { service, registry, models }, provider: ethers.provider, owner: player.owner }
    return { ...parts, config: loadConfig(home), close: () => undefined } as unknown as OwnerSession
  }
  const rotate = (more: Partial<Parameters<typeof rotateOperator>[0]> = {}) =>
    rotateOperator({
      session: session(),
      folder: home,
      passphrase: PASSPHRASE,
      fund: parseEther('1'),
      scryptLog2N: 10,
      ...more,
    })
  const open = (operator: string) =>
    KeeperStore.open({
      ...{ folder: home, passphrase: PASSPHRASE },
      binding: { chainId: 31337n, service: loadConfig(home).service.address, operator },
    })
  const seatOf = async (operator: string): Promise<number | null> =>
    await world.service.seatOf(operator).then(Number, () => null)
  const commitAs = async (operator: Wallet): Promise<void> => {
    const data = await CALLS.commitUpdate(world, player, player.seat, (await numbers(world)).round)
    const to = await world.service.getAddress()
    await (await operator.connect(world.ethers.provider as never).sendTransaction({ to, data })).wait()
  }

  it('has the seat and the folder at once, acts in the round that runs, and the one before no more', async () => {
    const before = operatorWallet(1).address
    const { seat } = player
    const result = await rotate()
    expect(result.before).to.equal(before)
    expect(operatorAddress(loadConfig(home).keys)).to.equal(result.operator)
    expect([await seatOf(before), await seatOf(result.operator)]).to.deep.equal([null, seat])
    expect(await world.registry.operatorOf(player.owner.address)).to.equal(result.operator)
    await commitAs(await openKeystore(join(home, 'operator.json'), PASSPHRASE))
    expect(((await world.service.roundInfo()).committed >> BigInt(seat)) & 1n).to.equal(1n)
    expect(keystoreAddress(join(home, `operator.json.${before.toLowerCase()}`))).to.equal(before)
    expect(existsSync(join(home, 'operator.next.json'))).to.equal(false)
    open(result.operator).close()
    // Again, for another one: the nonces of both before are out of the way.
    expect((await rotate()).before).to.equal(result.operator)
  })

  it('is finished by the same command after any failure', async () => {
    const failing = (at: 'setOperator' | 'syncOperator' | 'files') => {
      const say = (text: string): void => {
        if (at === 'setOperator' && /registry/.test(text)) throw new Error('killed')
        if (at === 'syncOperator' && /seat/.test(text)) throw new Error('killed')
      }
      return rotate({ onProgress: say }).then(
        () => null,
        (error: Error) => error.message,
      )
    }
    expect(await failing('setOperator')).to.equal('killed')
    const next = keystoreAddress(join(home, 'operator.next.json'))
    expect(await failing('syncOperator')).to.equal('killed')
    expect(await world.registry.operatorOf(player.owner.address)).to.equal(next)
    expect(await seatOf(operatorWallet(1).address)).to.equal(player.seat)
    // Killed once more, between the database and the files.
    const { operator } = await rotate()
    expect(operator).to.equal(next)
    renameSync(join(home, 'operator.json'), join(home, 'operator.next.json'))
    const old = readdirSync(home).find((name) => name.startsWith('operator.json.'))!
    renameSync(join(home, old), join(home, 'operator.json'))
    expect((await rotate()).operator).to.equal(next)
    expect([keystoreAddress(join(home, 'operator.json')), await seatOf(next)]).to.deep.equal([next, player.seat])
    open(next).close()
  })

  it('is not given while the keeper runs, nor to the same key', async () => {
    const running = open(operatorWallet(1).address)
    running.claims.claim(Buffer.from(salt('a').slice(2), 'hex'), Buffer.from(salt('b').slice(2), 'hex'))
    const error = await rotate().catch((cause: unknown) => cause)
    expect((error as StoreError).code).to.equal('LOCKED')
    running.close()
    const remote = { url: 'http://127.0.0.1:9', address: operatorWallet(1).address, api: 'clef' }
    expect(String(await rotate({ remote }).catch((cause: unknown) => cause))).to.match(/is the operator already/)
    expect(await seatOf(operatorWallet(1).address)).to.equal(player.seat)
  })

  it('may be one with its key elsewhere, which consents by itself; one that does not, changes nothing', async () => {
    const wallet = Wallet.createRandom() as unknown as Wallet
    const signer = await HostileSigner.start(wallet)
    try {
      const remote = { url: signer.url, address: wallet.address, api: 'web3signer' }
      signer.tampering = { as: operatorWallet(9) }
      expect(String(await rotate({ remote }).catch((cause: unknown) => cause))).to.match(/a signature of/)
      expect(await seatOf(operatorWallet(1).address)).to.equal(player.seat)
      expect(operatorAddress(loadConfig(home).keys)).to.equal(operatorWallet(1).address)
      signer.tampering = {}
      expect((await rotate({ remote })).operator).to.equal(wallet.address)
      expect(loadConfig(home).keys.remote).to.include({ url: signer.url, api: 'web3signer' })
      expect([await seatOf(wallet.address), existsSync(join(home, 'operator.json'))]).to.deep.equal([
        player.seat,
        false,
      ])
    } finally {
      await signer.stop()
    }
  })
})
