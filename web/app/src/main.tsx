import { connect } from "@roost/client";
import { RoostProvider } from "@roost/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { fetchEarly } from "./early.ts";
import { settings } from "./settings.ts";
import { Boundary } from "./shell/boundary.tsx";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/tweets.css";
import "./styles/pages.css";

const roost = connect({ url: location.origin, documents: settings.documents, fetch: fetchEarly });
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Boundary place="all">
        <RoostProvider roost={roost}>
          <App />
        </RoostProvider>
      </Boundary>
    </StrictMode>,
  );
}
