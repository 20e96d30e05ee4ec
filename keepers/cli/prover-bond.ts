// SPDX-License-Identifier: GPL-3.0-or-later
// The bond of `cohort prover`: putting it up, taking it out, and drawing earnings.
import type { Command } from 'commander'
import { print } from './chain-command.ts'
import { acting, type MarketOptions, marketCommand, parseEtherAmount, transact, withMarket } from './prover-session.ts'

/** Adds `bond`, `unbond` and `withdraw`. */
export function registerBond(prover: Command): void {
  marketCommand(
    prover,
    'bond',
    'put up bond before a claim; this also publishes the key to which posters seal witnesses',
  )
    .requiredOption('--amount <ether>', 'how much', parseEtherAmount)
    .action(async (options: MarketOptions & { amount: bigint }) =>
      withMarket(options, async (session) => {
        const { contract, address } = await acting(session)
        await transact('bond', session, () => contract.bond({ value: options.amount }))
        const { free } = await contract.bondOf(address)
        print(options, { prover: address, free }, `${address} has put up bond`)
      }),
    )

  marketCommand(prover, 'unbond', 'start to unbond; the bond can be withdrawn after the delay')
    .requiredOption('--amount <ether>', 'part of the free bond', parseEtherAmount)
    .action(async (options: MarketOptions & { amount: bigint }) =>
      withMarket(options, async (session) => {
        const { contract, address } = await acting(session)
        await transact('unbond', session, () => contract.unbond(options.amount))
        const { unbonding, unbondsAt } = await contract.bondOf(address)
        print(options, { unbonding, unbondsAt }, `unbonding until ${new Date(Number(unbondsAt) * 1000).toISOString()}`)
      }),
    )

  marketCommand(prover, 'withdraw', 'send earnings, and bond that has unbonded, to the account')
    .option('--to <address>', 'another receiver')
    .action(async (options: MarketOptions & { to?: string }) =>
      withMarket(options, async (session) => {
        const { contract, address } = await acting(session)
        const { unbonding, unbondsAt } = await contract.bondOf(address)
        const now = (await session.provider.getBlock('latest'))!.timestamp
        if (unbonding > 0n && unbondsAt <= BigInt(now))
          await transact('withdrawBond', session, () => contract.withdrawBond())
        const amount = await contract.balanceOf(address)
        if (amount > 0n) await transact('withdraw', session, () => contract.withdraw(address, options.to ?? address))
        const { formatEther } = await import('ethers')
        print(options, { to: options.to ?? address, amount }, `withdrawn: ${formatEther(amount)} ether`)
      }),
    )
}
