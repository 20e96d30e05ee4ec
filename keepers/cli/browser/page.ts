// SPDX-License-Identifier: GPL-3.0-or-later
// The page that asks a wallet of the browser (EIP-1193). The token comes in the fragment, which no browser sends to anybody.

const SCRIPT = `
const say = (text) => { document.getElementById('status').textContent = text }
const show = (details) => {
  const list = document.getElementById('details')
  list.replaceChildren(...Object.entries(details).flatMap(([name, value]) => {
    const [term, text] = [document.createElement('dt'), document.createElement('dd')]
    term.textContent = name
    text.textContent = String(value)
    return [term, text]
  }))
}
const token = location.hash.slice(1)
history.replaceState(null, '', location.pathname)
let session = token
const post = async (path, body) => {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer ' + session },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}
const wallet = () => {
  if (window.ethereum === undefined) throw new Error('this browser has no wallet that a page can ask (EIP-1193)')
  return window.ethereum
}
const onChain = async (chainId) => {
  const isThere = async () => BigInt(await wallet().request({ method: 'eth_chainId' })) === BigInt(chainId)
  if (await isThere()) return
  await wallet().request({ method: 'wallet_switchEthereumChain', params: [{ chainId }] })
  if (!(await isThere())) throw new Error('the wallet is on another chain than ' + BigInt(chainId) + ': switch it there')
}
const perform = async ({ kind, chainId, transaction }) => {
  if (kind === 'connect') {
    const [account] = await wallet().request({ method: 'eth_requestAccounts' })
    await onChain(chainId)
    return account
  }
  // Again: its user may have changed it since, and the same address may be another contract there.
  await onChain(chainId)
  return await wallet().request({ method: 'eth_sendTransaction', params: [transaction] })
}
const run = async () => {
  session = (await post('/claim', {})).session
  for (;;) {
    const request = await post('/next', {})
    if (request.kind === 'end') break
    if (request.kind === 'wait') continue
    say(request.kind === 'connect' ? 'Choose an account in your wallet.' : request.what + ': look at it in your wallet, and sign it there.')
    show(request.transaction ?? {})
    try {
      await post('/answer', { id: request.id, result: await perform(request) })
      say('Done. Waiting for what comes next.')
    } catch (error) {
      await post('/answer', { id: request.id, error: String(error?.message ?? error) })
      say(String(error?.message ?? error))
    }
  }
  say('The command has ended. You may close this page.')
}
run().catch((error) => say(String(error.message)))
`

/** The page, and the policy under which a browser runs nothing else in it. */
export function walletPage(nonce: string): { readonly html: string; readonly policy: string } {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>cohort: sign with a wallet</title>
<style nonce="${nonce}">body { font: 1rem/1.5 system-ui; margin: 3rem auto; max-width: 46rem } dd { overflow-wrap: anywhere; font-family: monospace }</style>
<h1>Sign with your wallet</h1>
<p id="status" role="status">Connecting…</p>
<dl id="details"></dl>
<script nonce="${nonce}">${SCRIPT}</script>
</html>
`
  const policy =
    `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  return { html, policy }
}
