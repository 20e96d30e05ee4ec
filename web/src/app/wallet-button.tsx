// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from 'preact/hooks'
import { account, connect, disconnect, type Wallet, wallets } from '../chain/wallet.ts'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'

/** Connects one of the wallets that announced themselves. */
export function WalletButton({ chainId }: { readonly chainId: number }) {
  const [problem, setProblem] = useState('')
  const connected = account.value
  const choose = async (wallet: Wallet): Promise<void> => {
    setProblem('')
    await connect(wallet).catch((error: Error) => setProblem(error.message))
  }
  if (connected !== null) {
    return (
      <div class="wallet">
        <Hex value={connected.address} /> {connected.chainId !== chainId && <strong>wrong chain</strong>}{' '}
        <button type="button" onClick={disconnect}>
          Disconnect
        </button>
      </div>
    )
  }
  return (
    <div class="wallet">
      {wallets.value.length === 0 && <span class="quiet">no wallet in this browser: you can look at everything</span>}
      {wallets.value.map((wallet) => (
        <button type="button" key={wallet.id} onClick={() => choose(wallet)}>
          Connect {inert(wallet.name, 40)}
        </button>
      ))}
      <span role="status" class="problem">
        {inert(problem)}
      </span>
    </div>
  )
}
