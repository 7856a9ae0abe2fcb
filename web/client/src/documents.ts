import type { ASTNode, DocumentNode } from "graphql";

const identifier = /^sha256:[0-9a-f]{64}$/;

/** The identifier of a document of `npm run codegen`, under which `documents.json` has its text; undefined for others. */
export function documentIdOf(document: DocumentNode): string | undefined {
  return (document as { readonly __meta__?: { readonly documentId?: string } }).__meta__?.documentId;
}

/** A `print` of HttpLink that puts the identifier in the place of the text, for `fetchById`. */
export function printId(document: ASTNode, print: (document: ASTNode) => string): string {
  return (document.kind === "Document" ? documentIdOf(document) : undefined) ?? print(document);
}

/** A `fetch` that sends what printId made of a document as `documentId`. */
export function fetchById(send: typeof fetch = fetch): typeof fetch {
  return (input, init) => {
    if (typeof init?.body === "string") {
      const { query, ...rest } = JSON.parse(init.body) as { query?: string };
      if (query !== undefined && identifier.test(query)) {
        return send(input, { ...init, body: JSON.stringify({ documentId: query, ...rest }) });
      }
    }
    return send(input, init);
  };
}
