import { connect } from "@roost/client";
import { RoostProvider } from "@roost/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { settings } from "./settings.ts";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/tweets.css";
import "./styles/pages.css";

const roost = connect({ url: location.origin, documents: settings.documents });
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <RoostProvider roost={roost}>
        <App />
      </RoostProvider>
    </StrictMode>,
  );
}
