// SPDX-License-Identifier: GPL-3.0-or-later
import { render } from 'preact'
import { config } from 'zod'
import { App } from './app/app.tsx'
import { followRoute } from './app/route.ts'
import { Connection } from './chain/connection.ts'
import { listenForWallets } from './chain/wallet.ts'
import { withOwnIndex } from './site/own-index.ts'
import { loadSite } from './site/site.ts'
import { Problem } from './ui/async.tsx'

// Zod compiles parsers with `new Function` where it may; the page's security policy forbids it.
config({ jitless: true })

const place = document.getElementById('app')!
try {
  const connection = new Connection(withOwnIndex(await loadSite(document.baseURI)))
  followRoute()
  listenForWallets()
  connection.start()
  render(<App connection={connection} />, place)
} catch (error) {
  render(<Problem error={error as Error} />, place)
}
