// SPDX-License-Identifier: GPL-3.0-or-later
// The frame around every screen: where one can go, the chain's state, the visitor's wallet.
import { lazy, Suspense } from 'preact/compat'
import type { Connection } from '../chain/connection.ts'
import { ServicePage } from '../service/page.tsx'
import { Done } from '../ui/done.tsx'
import { Inert } from '../ui/inert.tsx'
import { ChainNotice } from './chain-notice.tsx'
import { link, route } from './route.ts'
import { WalletButton } from './wallet-button.tsx'

const DaoPage = lazy(async () => (await import('../dao/page.tsx')).DaoPage)
const ModelPage = lazy(async () => (await import('../model/page.tsx')).ModelPage)
const MarketsPage = lazy(async () => (await import('../market/page.tsx')).MarketsPage)
const VersionPage = lazy(async () => (await import('../service/version.tsx')).VersionPage)
const KeeperPage = lazy(async () => (await import('../service/keeper.tsx')).KeeperPage)

const PLACES = [
  ['service', 'Service'],
  ['model', 'Try the model'],
  ['dao', 'DAO'],
  ['market', 'Markets'],
] as const

export function App({ connection }: { readonly connection: Connection }) {
  const [place = 'service'] = route.value
  const { deployment } = connection.site
  return (
    <>
      <button type="button" class="skip" onClick={focusMain}>
        Skip to the content
      </button>
      <header>
        <a class="brand" href={link()}>
          Cohort
        </a>
        <nav aria-label="Screens">
          {PLACES.map(([name, title]) => (
            <a key={name} href={link(name)} aria-current={place === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <WalletButton chainId={deployment.chainId} />
      </header>
      <ChainNotice connection={connection} />
      <Done />
      <main id="main" tabIndex={-1} data-screen={place}>
        <Suspense fallback={<p>Loading the screen …</p>}>
          <Screen connection={connection} />
        </Suspense>
      </main>
      <footer>
        <Inert text={deployment.network} />, chain {deployment.chainId}, block {connection.head.value.block}
      </footer>
    </>
  )
}

function Screen({ connection }: { readonly connection: Connection }) {
  const [place = 'service', first, second, third] = route.value
  const { services } = connection.site.deployment
  const service = services.find(({ address }) => address === first) ?? services[0]
  if (place === 'dao') return <DaoPage connection={connection} chosen={first ?? null} />
  if (place === 'market') return <MarketsPage connection={connection} chosen={first ?? null} />
  if (place === 'model') return <ModelPage connection={connection} chosen={first ?? null} />
  if (place === 'service' && service !== undefined) {
    if (second === 'version') return <VersionPage connection={connection} service={service} version={Number(third)} />
    if (second === 'keeper') return <KeeperPage connection={connection} service={service} keeper={String(third)} />
    return <ServicePage connection={connection} service={service} />
  }
  return (
    <p>
      There is nothing at this address. <a href={link()}>To the service</a>
    </p>
  )
}

/** A button, since the fragment is the screen's address and may not change. */
function focusMain(): void {
  document.getElementById('main')?.focus()
}
