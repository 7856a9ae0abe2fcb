import { type ReactNode } from "react";
import { PageHead, useTitle } from "../shell/page.tsx";
import { Link } from "../ui/link.tsx";
import { Empty } from "../ui/states.tsx";

/** What an address leads to that names nothing. */
export function NotFound(): ReactNode {
  useTitle("Not found");
  return (
    <>
      <PageHead title="Not found" />
      <Empty title="There is nothing here">
        <p>
          <Link to="/" className="button">
            Home
          </Link>
        </p>
      </Empty>
    </>
  );
}
