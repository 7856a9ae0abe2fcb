// Package site serves the web app: a React application that was built from web/app into dist, and is embedded in the binary.
//
// # Pages
//
// The server answers each path of the app with the same page, dist/index.html. It fills in two places of it. The line <!--head-->
// becomes the title, the description, and the tags by which other sites show a link to the page. The element <script
// type="application/json" id="settings"> gets the Settings. Everything else is up to the script in the browser, which reads the API.
//
// The heads of profiles, tweets and hashtags say what the page shows, to those who run no scripts: search engines, and apps that show a
// preview of a link. Config.Reader reads it as a visitor without a session would see it, so the page of a path is the same for everybody.
// What such a visitor cannot see has the status 404, and so have unknown paths.
//
// # At the limits
//
// A head is worth little, and a page never fails for want of one. If the Reader fails, takes longer than Config.ReadTimeout, or if
// Config.Admit does not let the request read, then the page has a general head and the status 200; the app itself then reports
// what is wrong. Names and texts in heads are cut, on one line, and without control characters.
//
// # Files
//
// Other files of the build are served under their paths. Those whose names contain a hash of the content are kept by browsers for ever.
// Besides there are /favicon.svg, unless the build has one, /robots.txt, and /client.tgz, the npm package of the typed client.
package site
