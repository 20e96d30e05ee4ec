// SPDX-License-Identifier: GPL-3.0-or-later
// The visitor's wallets: those that announce themselves (EIP-6963), spoken to as EIP-1193 says.
import { type Signal, signal } from '@preact/signals'
import {
  BrowserProvider,
  type Eip1193Provider,
  getAddress,
  isAddress,
  JsonRpcSigner,
  type Signer,
  type TransactionRequest,
  toBeHex,
} from 'ethers'

export type Wallet = { readonly id: string; readonly name: string; readonly provider: Eip1193Provider }

/** The account that the visitor connected. */
export type Account = { readonly address: string; readonly wallet: Wallet; readonly chainId: number }

/** A wallet refused, or is on another chain; the message says what to do. */
export class WalletError extends Error {
  override readonly name = 'WalletError'
}

type Announcement = CustomEvent<{ info?: { uuid?: unknown; name?: unknown }; provider?: Eip1193Provider }>

const found = new Map<string, Wallet>()
export const wallets: Signal<readonly Wallet[]> = signal([])
export const account: Signal<Account | null> = signal(null)

/** Asks wallets to announce themselves, now and whenever one is ready. */
export function listenForWallets(): void {
  window.addEventListener('eip6963:announceProvider', (event) => {
    const { info, provider } = (event as Announcement).detail ?? {}
    if (typeof info?.uuid !== 'string' || typeof provider?.request !== 'function') return
    const name = typeof info.name === 'string' && info.name !== '' ? info.name : 'unnamed wallet'
    found.set(info.uuid, { id: info.uuid, name, provider })
    wallets.value = [...found.values()]
  })
  window.dispatchEvent(new Event('eip6963:requestProvider'))
}

/** Code of EIP-1193 for a request that the user declined. */
const DECLINED = 4001

/** Connects an account of a wallet. @throws WalletError when the visitor declines */
export async function connect(wallet: Wallet): Promise<void> {
  const accounts = await ask(wallet, 'eth_requestAccounts')
  const first: unknown = Array.isArray(accounts) ? accounts[0] : undefined
  if (!isAddress(first)) throw new WalletError(`${wallet.name} offers no account: unlock it, or choose one in it`)
  const read = async (): Promise<number> => Number(await ask(wallet, 'eth_chainId'))
  account.value = { address: getAddress(first), wallet, chainId: await read() }
  const { on } = wallet.provider as { on?: (name: string, heard: (value: unknown) => void) => void }
  on?.call(wallet.provider, 'accountsChanged', (changed) => {
    const [next] = Array.isArray(changed) ? changed : []
    if (account.value?.wallet !== wallet) return
    account.value = isAddress(next) ? { ...account.value, address: getAddress(next) } : null
  })
  on?.call(wallet.provider, 'chainChanged', (chain) => {
    if (account.value?.wallet === wallet) account.value = { ...account.value, chainId: Number(chain) }
  })
}

export function disconnect(): void {
  account.value = null
}

/** Asks the wallet to change to a chain. @throws WalletError */
export async function switchChain(wallet: Wallet, chainId: number): Promise<void> {
  await ask(wallet, 'wallet_switchEthereumChain', [{ chainId: toBeHex(chainId).replace(/^0x0+(?=.)/, '0x') }])
  if (account.value?.wallet === wallet) account.value = { ...account.value, chainId }
}

/** Signs with the connected account on this chain. @throws WalletError when there is none, or it is on another chain */
export async function signerOn(chainId: number): Promise<Signer> {
  const connected = account.value
  if (connected === null) throw new WalletError('connect a wallet first')
  const { wallet, address } = connected
  const found = Number(await ask(wallet, 'eth_chainId'))
  if (found !== chainId) {
    throw new WalletError(
      `${wallet.name} is on chain ${found}, this deployment is on chain ${chainId}: change it there`,
    )
  }
  return new SignerOnChain(await new BrowserProvider(wallet.provider, chainId).getSigner(address), chainId)
}

/** Names the chain in each transaction: a wallet may change it between the question above and the visitor's yes. */
class SignerOnChain extends JsonRpcSigner {
  readonly #chainId: number

  constructor({ provider, address }: JsonRpcSigner, chainId: number) {
    super(provider, address)
    this.#chainId = chainId
  }

  override async sendUncheckedTransaction(transaction: TransactionRequest): Promise<string> {
    return await super.sendUncheckedTransaction({ ...transaction, chainId: this.#chainId })
  }
}

async function ask(wallet: Wallet, method: string, params: unknown[] = []): Promise<unknown> {
  try {
    return await wallet.provider.request({ method, params })
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown }
    const why = code === DECLINED ? 'you declined' : String(message ?? 'it gave no reason')
    throw new WalletError(`${wallet.name}: ${why}`, { cause })
  }
}

/** Whether an error, or one of its causes, is a visitor's "no". */
export function wasDeclined(error: unknown): boolean {
  for (let one = error; one !== null && typeof one === 'object'; one = (one as Error).cause) {
    const { code, info } = one as { code?: unknown; info?: { error?: { code?: unknown } } }
    if (code === DECLINED || code === 'ACTION_REJECTED' || info?.error?.code === DECLINED) return true
  }
  return false
}
