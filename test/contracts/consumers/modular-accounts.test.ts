// SPDX-License-Identifier: GPL-3.0-or-later
// The guard under OpenZeppelin’s ERC-7579 account.
import { expect } from 'chai'
import { AbiCoder, concat, ZeroAddress } from 'ethers'
import { createGuard, DAY, ERC20, LIMIT, ORIGIN } from './guard.ts'
import { deployModular, encodeBatch, encodeMode, encodeSingle } from './modular.ts'

const USER_OP = '0x8dd7712f'
const coder = AbiCoder.defaultAbiCoder()
const INSTALL = [
  'tuple(uint64 modelId, uint16 approvedLabel, bool margins, uint64 minMargin, uint32 window, uint32 verdictSeconds, uint32 delay)',
  'address[]',
  'uint96[]',
]

describe('An ERC-7579 account with the guard', () => {
  async function hooked() {
    const world = await createGuard()
    const { guard, dao, asset, policy } = world
    const account = await deployModular(dao)
    await dao.sendTransaction({ to: account.address, value: 10n ** 18n })
    const data = coder.encode(INSTALL, [policy(), [ZeroAddress, asset], [LIMIT, LIMIT]])
    await account.install(await guard.getAddress(), data)
    return { ...world, account }
  }

  it('is configured when it installs the hook', async () => {
    const { guard, account, asset, fair, user, policy } = await hooked()
    expect(await guard.isModuleType(4)).to.equal(true)
    expect(await guard.isModuleType(1)).to.equal(false)
    expect(await guard.isInitialized(account.address)).to.equal(true)
    expect((await guard.policyOf(account.address)).inForce.modelId).to.equal(BigInt(fair.id))
    expect((await guard.limitOf(account.address, asset)).current).to.equal(LIMIT)
    await guard.connect(user).onInstall('0x')
    expect(await guard.isInitialized(user)).to.equal(false)
    await expect(guard.connect(user).onInstall(coder.encode(INSTALL, [policy(), [asset], []])))
      .to.be.revertedWithCustomError(guard, 'LengthMismatch')
      .withArgs(1, 0)
  })

  it('spends within its limits, above them with a verdict, and is refused otherwise', async () => {
    const { guard, account, stranger, judge, spend, ethers } = await hooked()
    const to = stranger.address
    await expect(account.execute('single', encodeSingle(to, LIMIT))).to.changeEtherBalances(
      ethers,
      [account.address, stranger],
      [-LIMIT, LIMIT],
    )
    const more = encodeSingle(to, LIMIT + 1n, '0x12')
    await expect(account.execute('single', more)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    const judged = spend({ to, value: LIMIT + 1n, data: '0x12', origin: ORIGIN.hook })
    await judge(judged, { account: account.address })
    await account.execute('single', more)
  })

  it('has every execution of a batch counted, one with a verdict first', async () => {
    const { guard, account, stranger, asset, judge, spend, networkHelpers } = await hooked()
    const pay = (value: bigint) => ({ target: stranger.address, value, callData: '0x' })
    const revoke = { target: asset, value: 0n, callData: ERC20.encodeFunctionData('approve', [stranger.address, 0n]) }
    await account.execute('batch', encodeBatch([pay(400n), pay(600n), revoke]))
    await networkHelpers.time.increase(DAY)
    const tooMuch = encodeBatch([pay(400n), pay(601n)])
    await expect(account.execute('batch', tooMuch)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await judge(spend({ origin: ORIGIN.hook }), { account: account.address })
    const second = encodeBatch([pay(1n), pay(LIMIT + 1n)])
    await expect(account.execute('batch', second)).to.be.revertedWithCustomError(guard, 'VerdictStale')
    await account.execute('batch', encodeBatch([pay(LIMIT + 1n), pay(1n)]))
  })

  it('reads a user operation as the account executes it', async () => {
    const world = await hooked()
    const { guard, account, stranger } = world
    const inner = account.interface.encodeFunctionData('execute', [
      encodeMode('single'),
      encodeSingle(stranger.address, LIMIT + 1n),
    ])
    const zero = `0x${'00'.repeat(32)}`
    const userOp = [account.address, 0, '0x', concat([USER_OP, inner]), zero, 0, zero, '0x', '0x']
    const types = ['(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)', 'bytes32']
    const data = concat([USER_OP, coder.encode(types, [userOp, zero])])
    const asAccount = guard.connect(await speakFor(account.address))
    await expect(asAccount.preCheck(stranger, 0, data)).to.be.revertedWithCustomError(guard, 'VerdictMissing')

    async function speakFor(address: string) {
      const { ethers, networkHelpers } = world
      await networkHelpers.impersonateAccount(address)
      return await ethers.getSigner(address)
    }
  })

  it('is refused foreign code, and gets rid of the hook when it wants', async () => {
    const { guard, account, stranger, hub, owner, fair } = await hooked()
    const code = concat([stranger.address, '0x1234'])
    await expect(account.execute('delegate', code)).to.be.revertedWithCustomError(guard, 'DelegateCallRefused')
    await hub.connect(owner).deprecateModel(fair.id)
    await account.uninstall(await guard.getAddress())
    await account.execute('single', encodeSingle(stranger.address, 5n * LIMIT))
  })

  it('may call itself to change modules, but for nothing else without a verdict', async () => {
    const { guard, account, stranger } = await hooked()
    const itself = (name: string, args: readonly unknown[]) =>
      encodeSingle(account.address, 0n, account.interface.encodeFunctionData(name, args))
    const nested = itself('execute', [encodeMode('single'), encodeSingle(stranger.address, 1n)])
    await expect(account.execute('single', nested)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await account.execute('single', itself('installModule', [2, await deployedExecutor(), '0x']))
    await account.execute('single', itself('uninstallModule', [4, await guard.getAddress(), '0x']))

    /** Any contract that says yes to every module type. */
    async function deployedExecutor(): Promise<string> {
      const { deployConstant } = await import('../inference/product-circuit.ts')
      return await deployConstant(stranger, 1n)
    }
  })

  it('has its calls read, and those that cannot be read refused', async () => {
    const { guard, account, stranger, user } = await hooked()
    const { interface: abi } = account
    const check = (data: string) => guard.connect(user).preCheck(stranger, 0, data)
    const execute = (mode: string, data: string) =>
      check(abi.encodeFunctionData('execute', [mode.padEnd(66, '0'), data]))
    // This caller has no policy: what is read as a spend is refused for that.
    for (const name of ['execute', 'executeFromExecutor']) {
      const data = abi.encodeFunctionData(name, [encodeMode('single'), encodeSingle(stranger.address, 1n)])
      await expect(check(data), name).to.be.revertedWithCustomError(guard, 'NotConfigured')
    }
    await check('0x')
    for (const callback of ['0x150b7a02', '0xf23a6e61', '0xbc197c81', '0x0023de29']) await check(callback)
    // Whatever it is: it may move money.
    for (const unknown of ['0x12345678', '0x1626ba7e']) {
      await expect(check(unknown)).to.be.revertedWithCustomError(guard, 'UnsupportedCall').withArgs(unknown)
    }
    await check(abi.encodeFunctionData('installModule', [2, stranger.address, '0x']))
    await execute('0xfe', '0x')
    await execute('0x01', encodeBatch([]))
    await expect(execute('0x02', '0x')).to.be.revertedWithCustomError(guard, 'UnsupportedCallType').withArgs('0x02')
    for (const [mode, length, minimum] of [
      ['0x00', 51, 52],
      ['0xff', 19, 20],
    ] as const) {
      await expect(execute(mode, `0x${'00'.repeat(length)}`))
        .to.be.revertedWithCustomError(guard, 'MalformedExecution')
        .withArgs(length, minimum)
    }
    await guard.postCheck('0x')
  })
})
