import { Component, type ReactNode } from "react";
import { Empty } from "../ui/states.tsx";

interface BoundaryProps {
  /** Where it is: after a failure, another place is tried afresh. */
  readonly place: string;
  readonly children: ReactNode;
}

interface BoundaryState {
  readonly failed?: boolean;
  readonly place: string;
}

/** Shows a way back, and one to try again, where a page cannot be drawn. React has such boundaries as classes only. */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { place: this.props.place };

  static getDerivedStateFromError(): Partial<BoundaryState> {
    return { failed: true };
  }

  static getDerivedStateFromProps({ place }: BoundaryProps, state: BoundaryState): BoundaryState | null {
    return place === state.place ? null : { place, failed: false };
  }

  override render(): ReactNode {
    if (!this.state.failed) {
      return this.props.children;
    }
    // Both load the page anew: nothing of what failed is relied on, such as what is cached.
    return (
      <div role="alert">
        <h1 className="visually-hidden">Something went wrong</h1>
        <Empty title="This page cannot be shown">
          <p>Something went wrong in it. It may work when you try again.</p>
          <p>
            <button type="button" className="button" onClick={() => location.reload()}>
              Try again
            </button>{" "}
            <a className="button button-plain" href="/">
              Home
            </a>
          </p>
        </Empty>
      </div>
    );
  }
}
