// SPDX-License-Identifier: GPL-3.0-or-later
// The frame around every screen: where one can go, the chain's state, the visitor's wallet.
import { Component, type ComponentChildren } from 'preact'
import { lazy, Suspense } from 'preact/compat'
import type { Connection } from '../chain/connection.ts'
import { ServicePage } from '../service/page.tsx'
import { Problem } from '../ui/async.tsx'
import { Done } from '../ui/done.tsx'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { ChainNotice } from './chain-notice.tsx'
import { IndexChoice } from './index-choice.tsx'
import { link, route } from './route.ts'
import { startTour, touring } from './tour-memory.ts'
import { WalletButton } from './wallet-button.tsx'

const DaoPage = lazy(async () => (await import('../dao/page.tsx')).DaoPage)
const ModelPage = lazy(async () => (await import('../model/page.tsx')).ModelPage)
const SimulatePage = lazy(async () => (await import('../simulate/page.tsx')).SimulatePage)
const MarketsPage = lazy(async () => (await import('../market/page.tsx')).MarketsPage)
const OperatorPage = lazy(async () => (await import('../operator/page.tsx')).OperatorPage)
const EnsemblesPage = lazy(async () => (await import('../ensembles/page.tsx')).EnsemblesPage)
const GuardsPage = lazy(async () => (await import('../guards/page.tsx')).GuardsPage)
const ProversPage = lazy(async () => (await import('../provers/page.tsx')).ProversPage)
const ClaimsPage = lazy(async () => (await import('../claims/page.tsx')).ClaimsPage)
const VersionPage = lazy(async () => (await import('../service/version.tsx')).VersionPage)
const Tour = lazy(async () => (await import('./tour.tsx')).Tour)
const KeeperPage = lazy(async () => (await import('../service/keeper.tsx')).KeeperPage)

const PLACES = [
  ['service', 'Service'],
  ['model', 'Try the model'],
  ['dao', 'DAO'],
  ['market', 'Markets'],
  ['simulate', 'Simulate'],
  ['provers', 'Provers'],
  ['ensembles', 'Ensembles'],
  ['guards', 'Guards'],
  ['claims', 'Claims'],
  ['operator', 'Operator'],
] as const

export function App({ connection }: { readonly connection: Connection }) {
  const [place = 'service'] = route.value
  const { deployment } = connection.site
  const source = connection.source.value
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
      {/* An element of its own: what loads later would otherwise come last in the page. */}
      <div>
        {touring.value && (
          <Suspense fallback={null}>
            <Tour />
          </Suspense>
        )}
      </div>
      <main id="main" tabIndex={-1} data-screen={place}>
        <Suspense fallback={<p>Loading the screen …</p>}>
          {/* Another address, another screen: figures of one service never stand under the name of the next while its own are on their way. */}
          <Guarded key={route.value.join('/')}>
            <Screen connection={connection} />
          </Guarded>
        </Suspense>
      </main>
      <footer>
        <Inert text={deployment.network} />, chain {deployment.chainId}, block {connection.head.value.block}
        {source?.refused === false && `; ${inert(source.text, 200)}`}{' '}
        <button type="button" onClick={startTour}>
          Tour
        </button>
        <IndexChoice site={connection.site} />
      </footer>
    </>
  )
}

function Screen({ connection }: { readonly connection: Connection }) {
  const [place = 'service', first, second, third] = route.value
  const { services } = connection.site.deployment
  // Not another service in the place of one that is not of this deployment.
  const service = first === undefined ? services[0] : services.find(({ address }) => address === first)
  if (place === 'dao') return <DaoPage connection={connection} chosen={first ?? null} />
  if (place === 'market') return <MarketsPage connection={connection} chosen={first ?? null} />
  if (place === 'guards') {
    const signing = second === 'sign' ? route.value.slice(3) : null
    return <GuardsPage connection={connection} chosen={first ?? null} signing={signing} />
  }
  if (place === 'ensembles') {
    return (
      <EnsemblesPage
        connection={connection}
        chosen={first ?? null}
        question={second === 'question' ? (third ?? null) : null}
      />
    )
  }
  if (place === 'provers') return <ProversPage connection={connection} chosen={first ?? null} />
  if (place === 'claims') return <ClaimsPage connection={connection} chosen={first ?? null} id={second ?? null} />
  if (place === 'simulate') return <SimulatePage />
  if (place === 'model') return <ModelPage connection={connection} chosen={first ?? null} />
  if (place === 'operator') return <OperatorPage connection={connection} />
  if (place === 'service' && service !== undefined) {
    if (second === 'version') return <VersionPage connection={connection} service={service} version={Number(third)} />
    if (second === 'keeper') return <KeeperPage connection={connection} service={service} keeper={String(third)} />
    return <ServicePage connection={connection} service={service} at={second === 'at' ? (third ?? '') : null} />
  }
  return (
    <p>
      There is nothing at this address. <a href={link()}>To the service</a>
    </p>
  )
}

/** What cannot be shown leaves a message on its screen, and the other screens as they are. */
class Guarded extends Component<{ readonly children: ComponentChildren }, { readonly error: Error | null }> {
  override state = { error: null as Error | null }

  static override getDerivedStateFromError(error: Error): { error: Error } {
    return { error }
  }

  override render() {
    const { error } = this.state
    if (error === null) return this.props.children
    return <Problem error={error} again={() => this.setState({ error: null })} />
  }
}

/** A button, since the fragment is the screen's address and may not change. */
function focusMain(): void {
  document.getElementById('main')?.focus()
}
