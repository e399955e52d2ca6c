"""Moving through the pages as a person does, in a browser."""

from playwright.sync_api import Page


def sign_in(page: Page, base_url: str, role: str, login: str, password: str) -> None:
    """Through the form of the entrance."""
    page.goto(f"{base_url}/enter")
    if role == "student":
        code, _, number = login.partition(":")
        page.fill("#f-code", code)
        page.fill("#f-number", number)
        page.fill("#f-pin", password)
        page.press("#f-pin", "Enter")
    else:
        page.fill("#f-login", login)
        page.fill("#f-password", password)
        page.press("#f-password", "Enter")
    page.wait_for_url(lambda address: "/enter" not in address)


def walk(page: Page, base_url: str, way: str) -> None:
    """`/path > selector > selector`: open, then click the first visible of each."""
    path, *clicks = (part.strip() for part in way.split(" > "))
    page.goto(base_url + path)
    for selector in clicks:
        page.locator(selector).locator("visible=true").first.click()
        page.wait_for_timeout(150)
        page.wait_for_load_state()


def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached within {most} tabs")


def answer_by_key(page: Page) -> None:
    """Give some answer with the keyboard: the first choice, or a 7."""
    tab_to(page, "#sheet input[name=answer]")
    if page.evaluate("document.activeElement.type") == "text":
        page.keyboard.type("7")
    else:
        page.keyboard.press("Space")
