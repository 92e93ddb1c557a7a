// The explorer: Swagger UI, which calls the API with the token of the chosen user. The user stays with the tab.
const KEPT = "stays-user"; // the console keeps its user under the same name
const users = JSON.parse(document.getElementById("users").textContent);
const [form, user, other, sub, state] = ["login", "user", "other", "sub", "state"].map((id) => document.getElementById(id));
const place = document.getElementById("explorer");

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

const ui = SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  onComplete: () => form && login(),
});

function choose(wanted) {
  user.value = users.some((each) => each.sub === wanted) ? wanted : "";
  other.hidden = user.value !== "";
  if (!user.value) sub.value = wanted;
}

async function login() {
  const wanted = user.value || sub.value.trim();
  other.hidden = user.value !== "";
  if (!wanted) return tell("Write a sub.");
  sessionStorage.setItem(KEPT, wanted);
  const { name, email } = users.find((each) => each.sub === wanted) ?? {};
  const answer = await fetch(`/dev/token?${new URLSearchParams({ sub: wanted, ...(email ? { email, name } : {}) })}`);
  const said = await answer.json();
  if (!answer.ok) return tell(said.error);
  ui.preauthorizeApiKey("token", said.token);
  tell("Calls carry this user's token.");
}

function tell(text) {
  state.textContent = text;
}

if (form) {
  choose(new URLSearchParams(location.search).get("as") ?? sessionStorage.getItem(KEPT) ?? users[0].sub);
  user.addEventListener("change", login);
  sub.addEventListener("change", login);
  form.addEventListener("submit", (event) => event.preventDefault());
}
