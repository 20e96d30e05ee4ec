// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { declarationsOf, solidityPage } from '../../scripts/docs/solidity.ts'
import { collectPages } from '../../scripts/docs/sources.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

struct Proof {
    uint256[2] a;
}

/// @notice Answers.
/// @dev In batches, too.
interface IHub {
    /// @notice Not below
    /// the limit.
    error TooHigh(uint256 value, uint256 limit);

    event Asked(bytes32 indexed id);

    /**
     * @notice Asks.
     * @param id of the question
     * @return price in wei
     */
    function ask(bytes32 id) external returns (uint256 price);

    function plain() external;
}
`

describe('the documentation', () => {
  it('reads NatSpec in both forms, and none where there is none', () => {
    const [loose, hub] = declarationsOf(SOURCE)
    expect(loose).to.deep.include({ kind: 'file', name: '' })
    expect(loose!.members[0]!.signature).to.equal('struct Proof {\n    uint256[2] a;\n}'.replace(/\n {4}/g, '\n'))
    expect(hub).to.include({ kind: 'interface', name: 'IHub' })
    expect(hub!.notes).to.include({ notice: 'Answers.', dev: 'In batches, too.' })
    const [tooHigh, asked, ask, plain] = hub!.members
    expect(tooHigh!.notes.notice).to.equal('Not below the limit.')
    expect(asked).to.deep.include({ kind: 'event', signature: 'event Asked(bytes32 indexed id);' })
    expect(ask!.notes).to.deep.equal({
      notice: 'Asks.',
      dev: '',
      parameters: [{ name: 'id', text: 'of the question' }],
      returns: ['price in wei'],
    })
    expect(ask!.signature).to.equal('function ask(bytes32 id) external returns (uint256 price);')
    expect(plain!.notes.notice).to.equal('')
    expect(solidityPage('x/IHub.sol', [hub!])).to.match(
      /^# IHub\n[\s\S]*### Actions of IHub\n[\s\S]*### Errors of IHub/,
    )
  })

  it('has a page for every guide, room and interface, and links between them that all lead somewhere', async () => {
    const site = mkdtempSync(join(tmpdir(), 'cohort-docs-'))
    try {
      const { pages, solidity } = await collectPages(site)
      expect(pages).to.include.members(['index.md', 'docs/zkml.md', 'docs/adr/0001-groth16.md', 'keepers/fhe/index.md'])
      expect(solidity).to.include.members(['IInferenceHub', 'ILearningService', 'IKeeperRegistry'])
      for (const page of pages) {
        const text = readFileSync(join(site, page), 'utf8').replace(/```[\s\S]*?```|`[^`\n]*`/g, '')
        expect(text, page).not.to.match(/\]\([^)]*README\.md/)
        // VitePress refuses a link to a page that is missing, but only after its installation.
        for (const [, target] of text.matchAll(/\]\((?!https?:|mailto:)([^)\s#]+)[^)\s]*\)/g)) {
          expect(target, `${page} links to a file that is not on the site`).to.match(/\.(md|png|svg)$/)
          expect(existsSync(join(site, page, '..', target!)), `${page} links to ${target}`).to.equal(true)
        }
      }
      const hub = readFileSync(join(site, 'reference/solidity/IInferenceHub.md'), 'utf8')
      for (const part of ['#### request', '#### UriTooLong', '#### InferenceRequested']) expect(hub).to.contain(part)
    } finally {
      rmSync(site, { recursive: true, force: true })
    }
  })

  it('has a help text, and ends with 64 for an option that it does not know', () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/docs/main.ts', ...args], {
        cwd: ROOT,
        encoding: 'utf8',
      })
    expect(run('--help').stdout).to.match(/^usage: npm run docs/)
    expect(run('--pdf').status).to.equal(64)
  })

  it('has no dead links', () => {
    const files = spawnSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).stdout.trim().split('\n')
    let links = 0
    for (const file of files) {
      const text = readFileSync(join(ROOT, file), 'utf8').replace(/```[\s\S]*?```|`[^`\n]*`/g, '')
      for (const [, target] of text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
        const [path, anchor] = target!.split('#')
        const place = path === '' ? join(ROOT, file) : join(ROOT, file, '..', path!)
        expect(existsSync(place), `${file} links to ${target}`).to.equal(true)
        if (anchor !== undefined && place.endsWith('.md')) {
          const headings = [...readFileSync(place, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!))
          expect(headings, `${file} links to ${target}`).to.include(anchor)
        }
        links++
      }
    }
    expect(links).to.be.greaterThan(30)
  })
})

/** The anchor that GitHub gives a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}
